// What an encrypted repository holds, under one fixed key: documents, wrapped keys, frames, seek
// tables and frame indexes. What was sealed comes back, in its place alone and with no byte
// changed; what was not is refused; and what stands behind a seal that fits is looked at all the
// same.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "choices.h"
#include "format/frame.h"
#include "format/object_seal.h"
#include "format/sealed.h"
#include "made_manifest.h"
#include "restored/limits.h"
#include "seal/box.h"
#include "target.h"

namespace restored::fuzz {
namespace {

using Bytes = std::vector<std::byte>;

constexpr std::array<std::string_view, 5> kinds{"manifest", "summary", "repository", "contents",
                                                "damage"};

seal::Key key_of(unsigned char byte) {
  std::array<std::byte, seal::Key::size> bytes{};
  bytes.fill(std::byte{byte});
  return seal::Key::copy(bytes);
}

const format::DataKey& data_key() {
  static const format::DataKey key(key_of(0x5a));
  return key;
}

const format::WrappingKey& wrapping_key() {
  static const format::WrappingKey key(key_of(0xa5));
  return key;
}

std::span<const std::byte> span_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Whether anything differs then.
template <class Content>
bool change(Choices& choices, Content& content) {
  const Content before = content;
  for (unsigned changes = 0; changes < 4 && !choices.empty() && !content.empty(); ++changes) {
    const std::size_t at = choices.number(3) % content.size();
    using Byte = typename Content::value_type;
    content[at] = static_cast<Byte>(static_cast<unsigned char>(content[at]) ^ choices.byte());
  }
  if (choices.flag() && !content.empty()) content.pop_back();
  return content != before;
}

std::optional<std::string> opened(std::string_view kind, const format::Place& place,
                                  std::string_view bytes) {
  const auto id = format::sealed_with(kind, bytes);
  if (!id || *id != data_key().id()) return std::nullopt;
  auto document = format::open_document(data_key(), kind, place, bytes);
  if (document) return std::move(*document);
  require_sound(document.error());
  return std::nullopt;
}

// Nobody has sealed them: not even behind a first line that fits.
void check_foreign_document(Choices& choices) {
  const std::string_view kind = kinds[choices.below(kinds.size())];
  const std::string_view rest = choices.rest();
  const format::Place place{"r0123456789", "backups/b0123456789/manifest"};
  require(!opened(kind, place, rest), "bytes of nobody do not open");
  const std::string fitting =
      fmt::format("{{\"restored\":\"{}\",\"version\":2,\"bytes\":{},\"data_key\":\"{}\"}}\n{}",
                  kind, rest.size(), data_key().id(), rest);
  require(format::sealed_with(kind, fitting).has_value() == (rest.size() >= seal::overhead_bytes),
          "its line names a key");
  require(!opened(kind, place, fitting), "bytes of nobody do not open behind a line that fits");
  const auto unwrapped = format::unwrap_key(wrapping_key(), data_key().id(), rest);
  require(!unwrapped, "bytes of nobody are no key");
  require_sound(unwrapped.error());
}

void check_own_document(Choices& choices) {
  const std::size_t number = choices.below(kinds.size());
  const std::string_view kind = kinds[number];
  const format::Place place{"r0123456789", "backups/b0123456789/manifest"};
  const std::string document(choices.text());
  std::string sealed = format::seal_document(data_key(), kind, place, document);
  require(sealed.size() <= document.size() + format::sealing_bytes_max, "it grows by so much");
  require(opened(kind, place, sealed) == document, "a document comes back as it was");
  require(!opened(kind, {place.repository_id, place.key + "x"}, sealed), "it opens in its place");
  require(!opened(kind, {"r1", place.key}, sealed), "it opens in its repository");
  require(!opened(kinds[(number + 1) % kinds.size()], place, sealed), "it is of its kind");
  if (change(choices, sealed))
    require(!opened(kind, place, sealed), "a changed byte of a document is noticed");
}

void check_wrapped_key(Choices& choices) {
  std::string wrapped = format::wrap_key(wrapping_key(), data_key());
  const auto back = format::unwrap_key(wrapping_key(), data_key().id(), wrapped);
  require(back && back->id() == data_key().id(), "a key comes back");
  if (!change(choices, wrapped)) return;
  const auto changed = format::unwrap_key(wrapping_key(), data_key().id(), wrapped);
  require(!changed, "a changed byte of a wrapped key is noticed");
  require_sound(changed.error());
}

bool decodes(const format::Frame& frame, std::uint64_t position, const Bytes& stored,
             const format::ObjectSeal& seal, Bytes& into) {
  static format::FrameDecoder decoder;
  into.assign(frame.content_bytes, std::byte{0});
  const Result<void> decoded = decoder.decode(frame, position, stored, into, seal);
  if (!decoded) require_sound(decoded.error());
  return decoded.has_value();
}

format::ContentId content_from(Choices& choices) {
  format::ContentId content;
  for (auto& byte : content.bytes) byte = static_cast<std::byte>(choices.byte());
  return content;
}

void check_own_frame(Choices& choices) {
  static format::FrameEncoder encoder(1);
  static Bytes room(limits::frame_stored_bytes_max);
  const format::ObjectSeal seal{&data_key(), content_from(choices)};
  const std::uint64_t position = choices.number(2);
  const auto text = span_of(choices.text());
  const Bytes content(text.begin(), text.end());
  const std::size_t bytes = encoder.encode(content, room, seal, position);
  Bytes stored(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(bytes));
  const format::Frame frame{static_cast<std::uint32_t>(bytes),
                            static_cast<std::uint32_t>(content.size()),
                            format::frame_hash(content, position)};
  Bytes into;
  require(decodes(frame, position, stored, seal, into) && into == content, "content comes back");
  require(!decodes(frame, position + 1, stored, seal, into), "a frame opens in its position");
  format::ObjectSeal other = seal;
  other.content.bytes[0] ^= std::byte{1};
  require(!decodes(frame, position, stored, other, into), "a frame opens in its object");
  if (change(choices, stored))
    require(!decodes(frame, position, stored, seal, into), "a changed byte of a frame is noticed");
}

// Sealed by who has the key, around what no encoder made.
void check_sealed_frame(Choices& choices) {
  const format::ObjectSeal seal{&data_key(), content_from(choices)};
  format::Frame frame;
  frame.content_bytes = static_cast<std::uint32_t>(choices.number(3) % (limits::frame_bytes + 1));
  frame.hash = choices.number(8);
  const auto text = span_of(choices.rest());
  const Bytes inner(text.begin(), text.end());
  Bytes into;
  require(!decodes(frame, 0, inner, seal, into), "bytes of nobody are no frame");
  static format::FrameBox box;
  Bytes stored(inner.size() + seal::overhead_bytes);
  box.seal(seal, 0, frame.content_bytes, inner, stored);
  frame.stored_bytes = static_cast<std::uint32_t>(stored.size());
  if (decodes(frame, 0, stored, seal, into))
    require(format::frame_hash(into, 0) == frame.hash, "content has the hash of the index");
}

void check_table(Choices& choices) {
  const format::ObjectSeal seal{&data_key(), content_from(choices)};
  const std::string_view entries = choices.text();
  const auto foreign = format::decode_seek_table(span_of(choices.text()), seal);
  require(!foreign, "bytes of nobody are no seek table");
  require_sound(foreign.error());
  std::string table = format::seal_table(seal, span_of(entries));
  const auto read = format::decode_seek_table(span_of(table), seal);
  if (!read) require_sound(read.error());
  if (read) {
    require(read->size() * 12 == entries.size(), "a table has its entries");
    for (const format::SeekEntry& entry : *read)
      require(entry.stored_bytes > 0 && entry.stored_bytes <= limits::frame_stored_bytes_max &&
                  entry.content_bytes <= limits::frame_bytes,
              "an entry has possible lengths");
  }
  if (change(choices, table))
    require(!format::decode_seek_table(span_of(table), seal), "a changed table is noticed");
}

void check_index(Choices& choices) {
  const MadeBackup made = made_backup(choices);
  const format::Place place{"r0123456789", "backups/b0123456789/frames"};
  const std::string index = format::encode_frames(made.frames);
  std::string sealed = format::seal_frames(data_key(), place, made.manifest, index);
  require(sealed.size() == format::sealed_frames_bytes(made.manifest), "it has its length");
  const auto open = [&](const format::Place& where) {
    return format::open_frames(data_key(), where, made.manifest, sealed);
  };
  require(open(place) == index, "an index comes back as it was");
  if (!made.manifest.files.empty())
    require(!open({"r1", place.key}), "an index opens in its repository");
  if (!change(choices, sealed)) return;
  const auto changed = open(place);
  require(!changed, "a changed byte of an index is noticed");
  require_sound(changed.error());
}

void run(std::string_view input) {
  Choices choices(input);
  switch (choices.byte() % 7) {
    case 0:
      return check_foreign_document(choices);
    case 1:
      return check_own_document(choices);
    case 2:
      return check_wrapped_key(choices);
    case 3:
      return check_own_frame(choices);
    case 4:
      return check_sealed_frame(choices);
    case 5:
      return check_table(choices);
    default:
      return check_index(choices);
  }
}

const Registration registration({"sealed", 4096, run});

}  // namespace
}  // namespace restored::fuzz
