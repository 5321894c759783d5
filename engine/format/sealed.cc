#include "format/sealed.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <span>

#include "base/check.h"
#include "seal/box.h"

namespace restored::format {
namespace {

constexpr std::string_view key_kind = "key";
constexpr std::size_t key_id_digits = 32;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::span<std::byte> writable(std::string& text) {
  return std::as_writable_bytes(std::span(text));
}

std::string before_bytes(std::string_view kind) {
  return fmt::format("{{\"restored\":\"{}\",\"version\":{},\"bytes\":", kind,
                     sealed_format_version);
}

std::string first_line(std::string_view kind, std::uint64_t bytes, std::string_view member,
                       std::string_view id) {
  return fmt::format("{}{},\"{}\":\"{}\"}}\n", before_bytes(kind), bytes, member, id);
}

// What a document is bound to: its first line, as long as a line feed ends it, and its place.
std::string bound_to(std::string_view line, const Place& place) {
  return fmt::format("{}{}\n{}", line, place.repository_id, place.key);
}

std::string sealed_document(seal::Box& box, std::string line, const Place& place,
                            std::span<const std::byte> content) {
  const std::string bound = bound_to(line, place);
  const std::size_t begin = line.size();
  line.resize(begin + content.size() + seal::overhead_bytes);
  box.seal(bytes_of(bound), content, writable(line).subspan(begin));
  return line;
}

// The line's id, when the line is exactly one of this kind with this member.
std::optional<std::string> id_in_line(std::string_view kind, std::string_view member,
                                      std::string_view bytes) {
  const std::size_t end = bytes.substr(0, sealing_bytes_max).find('\n');
  const std::string begin = before_bytes(kind);
  if (end == std::string_view::npos || !bytes.starts_with(begin)) return std::nullopt;
  const std::string_view line = bytes.substr(0, end + 1);
  constexpr std::size_t tail = std::string_view("\"}\n").size();
  if (line.size() < begin.size() + key_id_digits + tail) return std::nullopt;
  const std::string_view id = line.substr(line.size() - tail - key_id_digits, key_id_digits);
  const std::uint64_t rest = bytes.size() - line.size();
  if (!valid_key_id(id) || line != first_line(kind, rest, member, id)) return std::nullopt;
  return std::string(id);
}

bool open_rest(seal::Box& box, std::string_view bytes, const Place& place,
               std::span<std::byte> into) {
  const std::size_t begin = bytes.find('\n') + 1;
  const std::string bound = bound_to(bytes.substr(0, begin), place);
  return box.open(bytes_of(bound), bytes_of(bytes.substr(begin)), into);
}

std::size_t content_bytes(std::string_view bytes) {
  const std::size_t rest = bytes.size() - (bytes.find('\n') + 1);
  return rest < seal::overhead_bytes ? 0 : rest - seal::overhead_bytes;
}

}  // namespace

bool valid_key_id(std::string_view id) {
  return id.size() == key_id_digits &&
         id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string seal_document(const DataKey& data_key, std::string_view kind, const Place& place,
                          std::string_view document) {
  seal::Box box(data_key.documents());
  return sealed_document(
      box, first_line(kind, document.size() + seal::overhead_bytes, "data_key", data_key.id()),
      place, bytes_of(document));
}

std::optional<std::string> sealed_with(std::string_view kind, std::string_view bytes) {
  std::optional<std::string> id = id_in_line(kind, "data_key", bytes);
  if (id && bytes.size() - (bytes.find('\n') + 1) < seal::overhead_bytes) return std::nullopt;
  return id;
}

Result<std::string> open_document(const DataKey& data_key, std::string_view kind,
                                  const Place& place, std::string_view bytes) {
  RESTORED_CHECK(sealed_with(kind, bytes) == data_key.id(), "the line was looked at");
  std::string document(content_bytes(bytes), '\0');
  seal::Box box(data_key.documents());
  if (open_rest(box, bytes, place, writable(document))) return document;
  return fail(
      ErrorCode::corruption,
      fmt::format("the {} is not what was sealed with data key {} for {}: it is damaged, or "
                  "was changed by somebody who does not have the key",
                  kind, data_key.id(), place.key));
}

std::string wrapped_key_prefix(std::string_view data_key_id) {
  RESTORED_CHECK(valid_key_id(data_key_id), "keys are made of ids that were looked at");
  return fmt::format("{}{}/", keys_prefix, data_key_id);
}

std::string wrapped_key_key(std::string_view data_key_id, std::string_view wrapping_key_id) {
  RESTORED_CHECK(valid_key_id(wrapping_key_id), "keys are made of ids that were looked at");
  return wrapped_key_prefix(data_key_id) + std::string(wrapping_key_id);
}

std::string spare_key(std::string_view key) {
  return std::string(spare_prefix) + std::string(key);
}

std::string wrap_key(const WrappingKey& wrapping, const DataKey& data_key) {
  seal::Box box(wrapping.wrapping());
  return sealed_document(
      box,
      first_line(key_kind, seal::Key::size + seal::overhead_bytes, "wrapped_by", wrapping.id()),
      {"", wrapped_key_key(data_key.id(), wrapping.id())}, data_key.secret().bytes());
}

Result<DataKey> unwrap_key(const WrappingKey& wrapping, std::string_view data_key_id,
                           std::string_view bytes) {
  const Place place{"", wrapped_key_key(data_key_id, wrapping.id())};
  const auto refuse = [&] {
    return fail(ErrorCode::corruption,
                fmt::format("{} does not hold data key {}: it is damaged, or was changed by "
                            "somebody who does not have the key",
                            place.key, data_key_id));
  };
  if (id_in_line(key_kind, "wrapped_by", bytes) != wrapping.id() ||
      content_bytes(bytes) != seal::Key::size)
    return refuse();
  std::optional<DataKey> opened;
  seal::Box box(wrapping.wrapping());
  SecretText secret = SecretText::of_size(seal::Key::size);
  const auto into = std::as_writable_bytes(secret.bytes());
  if (!open_rest(box, bytes, place, into)) return refuse();
  opened.emplace(seal::Key::copy(into.first<seal::Key::size>()));
  if (opened->id() != data_key_id) return refuse();
  return std::move(*opened);
}

}  // namespace restored::format
