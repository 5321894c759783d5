#include "store/xml_reader.h"

#include <expat.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/ascii.h"
#include "base/check.h"

namespace restored::store {
namespace {

// Answers have four levels, and no text of theirs is longer than a key (1,024 bytes, each encoded
// as three) or a token.
constexpr std::size_t depth_max = 16;
constexpr std::size_t name_bytes_max = 128;
constexpr std::size_t text_bytes_max = 16 * 1024;

struct Reader {
  XML_Parser parser = nullptr;
  const XmlVisitor* visitor = nullptr;
  std::string path;
  std::vector<std::string> texts;  // of the open elements
  const char* refused = nullptr;   // why we stopped

  void refuse(const char* reason) {
    if (refused == nullptr) refused = reason;
    XML_StopParser(parser, XML_FALSE);
  }
};

std::string_view local(const char* name) {
  std::string_view text = name;
  if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos)
    text.remove_prefix(colon + 1);
  return text;
}

void XMLCALL on_begin(void* data, const char* name, const char** /*attributes*/) {
  Reader& reader = *static_cast<Reader*>(data);
  if (reader.refused != nullptr) return;
  const std::string_view known = local(name);
  if (reader.texts.size() == depth_max) return reader.refuse("its elements are nested too deeply");
  if (known.size() > name_bytes_max) return reader.refuse("the name of an element is too long");
  if (!reader.path.empty()) reader.path += '/';
  reader.path += ascii_lower(known);
  reader.texts.emplace_back();
  if (reader.visitor->begin) reader.visitor->begin(reader.path);
}

void XMLCALL on_end(void* data, const char* name) {
  Reader& reader = *static_cast<Reader*>(data);
  if (reader.refused != nullptr) return;
  RESTORED_CHECK(!reader.texts.empty(), "expat ends only what it began");
  if (reader.visitor->end) reader.visitor->end(reader.path, reader.texts.back());
  reader.texts.pop_back();
  const std::size_t left = reader.path.size() - local(name).size();
  reader.path.resize(left == 0 ? 0 : left - 1);
}

void XMLCALL on_text(void* data, const char* text, int length) {
  Reader& reader = *static_cast<Reader*>(data);
  if (reader.refused != nullptr || reader.texts.empty()) return;
  std::string& into = reader.texts.back();
  if (into.size() + static_cast<std::size_t>(length) > text_bytes_max)
    return reader.refuse("the text of an element is too long");
  into.append(text, static_cast<std::size_t>(length));
}

void XMLCALL on_document_type(void* data, const char*, const char*, const char*, int) {
  static_cast<Reader*>(data)->refuse("it declares a document type");
}

}  // namespace

Result<void> read_xml(std::string_view what, std::string_view body, std::size_t bytes_max,
                      const XmlVisitor& visitor) {
  const auto wrong = [&](std::string_view reason) {
    return fail(ErrorCode::object_store_unavailable,
                fmt::format("{} cannot be read: {}", what, reason),
                "Something that is not an S3 server, or a broken one, answers there: check the "
                "endpoint and proxies on the way.");
  };
  if (body.size() > bytes_max) return wrong(fmt::format("it has {} bytes", body.size()));
  // Servers send spaces while they are busy, before an XML declaration that must come first.
  body.remove_prefix(std::min(body.find_first_not_of(" \t\r\n"), body.size()));

  const std::unique_ptr<XML_ParserStruct, decltype(&XML_ParserFree)> parser(
      XML_ParserCreate(nullptr), &XML_ParserFree);
  RESTORED_CHECK(parser != nullptr, "no memory for an XML parser");
  Reader reader;
  reader.parser = parser.get();
  reader.visitor = &visitor;
  XML_SetUserData(parser.get(), &reader);
  XML_SetElementHandler(parser.get(), on_begin, on_end);
  XML_SetCharacterDataHandler(parser.get(), on_text);
  XML_SetStartDoctypeDeclHandler(parser.get(), on_document_type);
  const XML_Status status =
      XML_Parse(parser.get(), body.data(), static_cast<int>(body.size()), XML_TRUE);
  if (reader.refused != nullptr) return wrong(reader.refused);
  if (status != XML_STATUS_OK)
    return wrong(fmt::format("{} in line {}", XML_ErrorString(XML_GetErrorCode(parser.get())),
                             XML_GetCurrentLineNumber(parser.get())));
  return {};
}

}  // namespace restored::store
