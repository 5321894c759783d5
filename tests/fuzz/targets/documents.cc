// The small documents of a repository: summary, repository file, contents, mark of a collection,
// damaged object. Any bytes, and any body behind a first line that fits it.
#include <algorithm>
#include <string>

#include "choices.h"
#include "format/contents.h"
#include "format/document.h"
#include "format/manifest.h"
#include "target.h"

namespace restored::fuzz {
namespace {

template <class Decode, class Encode>
void check(std::string_view kind, std::string_view bytes, bool sealed, Decode decode,
           Encode encode) {
  const std::string document = sealed ? format::seal(kind, bytes) : std::string(bytes);
  const auto read = decode(document);
  if (!read) return require_sound(read.error());
  const std::string written = encode(*read);
  const auto again = decode(written);
  require(again && *again == *read, "a document that is written again is the same");
  // Its first line covers every byte.
  std::string changed = document;
  const std::size_t at = bytes.size() * 31 % document.size();
  changed[at] = static_cast<char>(changed[at] ^ 1);
  require(!decode(changed), "a changed byte is noticed");
}

void run(std::string_view input) {
  Choices choices(input);
  const std::uint8_t kind = choices.byte();
  const bool sealed = (kind & 0x80) != 0;
  const std::string_view bytes = choices.rest();
  switch (kind % 5) {
    case 0:
      return check("summary", bytes, sealed, format::decode_summary, format::encode_summary);
    case 1:
      return check("repository", bytes, sealed, format::decode_repository,
                   format::encode_repository);
    case 2:
      return check("contents", bytes, sealed, format::decode_contents,
                   [](const format::Contents& contents) {
                     const auto ids = contents.objects;
                     require(std::ranges::is_sorted(ids), "contents are sorted");
                     return *format::encode_contents(contents);
                   });
    case 3:
      return check("collection", bytes, sealed, format::decode_mark, format::encode_mark);
    default:
      return check("damage", bytes, sealed, format::decode_damage, format::encode_damage);
  }
}

const Registration registration({"documents", 8 * 1024, run});

}  // namespace
}  // namespace restored::fuzz
