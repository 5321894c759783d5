// The digest of a content, row by row. See restored/content_digest.h.
//   of a row: XXH3-128 over key length 8 | value length 8 | key | value, lengths little-endian
#pragma once

#include <memory>
#include <string_view>

#include "restored/content_digest.h"
#include "restored/error.h"

namespace restored::format {

// Threading: one thread at a time.
class ContentReader {
 public:
  explicit ContentReader(UnixMillis as_of);
  ContentReader(ContentReader&&) noexcept;
  ContentReader& operator=(ContentReader&&) noexcept;
  ~ContentReader();

  // Each row once, in any order. Errors: corruption (a row that is none of the data plane's).
  Result<void> add(std::string_view key, std::string_view value);
  const ContentFacts& facts() const { return facts_; }

 private:
  struct State;
  std::unique_ptr<State> state_;
  ContentFacts facts_;
};

}  // namespace restored::format
