// The elements of a small XML document, as calls with the path of names from the root. Private to
// this folder; the only place of expat.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "restored/error.h"

namespace restored::store {

// Paths are lower-case and without namespaces: "listbucketresult/contents/key".
struct XmlVisitor {
  std::function<void(std::string_view path)> begin;                         // may be empty
  std::function<void(std::string_view path, const std::string& text)> end;  // its own text only
};

// `what` names the answer in messages: "the list of objects". Nothing was told of what comes after
// the place where a document is broken.
// Errors: object_store_unavailable (not XML, cut off, larger than bytes_max, too deep, a document
// type).
Result<void> read_xml(std::string_view what, std::string_view body, std::size_t bytes_max,
                      const XmlVisitor& visitor);

}  // namespace restored::store
