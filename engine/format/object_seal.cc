#include "format/object_seal.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/random.h"
#include "format/guard.h"
#include "format/little_endian.h"
#include "restored/limits.h"
#include "seal/content_mac.h"

namespace restored::format {
namespace {

constexpr std::size_t id_bytes = sizeof(ContentId::bytes);
constexpr std::byte frame_label{'F'};
constexpr std::byte table_label{'T'};

// What is bound to what: a label, the content, a position or a count, a length.
using Bound = std::array<std::byte, 1 + id_bytes + 8 + 8>;

Bound bound_to(std::byte label, const ContentId& content, std::uint64_t number,
               std::uint64_t length) {
  Bound bound{};
  bound[0] = label;
  std::ranges::copy(content.bytes, bound.begin() + 1);
  store_little_endian(std::span(bound).subspan(1 + id_bytes, 8), number);
  store_little_endian(std::span(bound).subspan(1 + id_bytes + 8, 8), length);
  return bound;
}

// A sealed table: a version, so many random bytes of its nonce, the entries, the tag. That is as
// long as a table of version 1, whose guard, header and footer it does without.
constexpr std::byte table_version{2};
constexpr std::size_t table_random_bytes = 16;
constexpr std::size_t table_head_bytes = 1 + table_random_bytes;
constexpr std::size_t table_added_bytes = table_head_bytes + seal::tag_bytes;
static_assert(table_added_bytes == guard_bytes + 17, "header 8 and footer 9");

seal::Nonce table_nonce(std::span<const std::byte> random) {
  seal::Nonce nonce{};
  std::ranges::copy(random, nonce.begin());
  nonce.back() = table_label;
  return nonce;
}

}  // namespace

seal::Box& FrameBox::box_of(const DataKey& key) {
  if (!box_ || key_id_ != key.id()) {
    box_.emplace(key.objects());
    key_id_ = key.id();
  }
  return *box_;
}

void FrameBox::seal(const ObjectSeal& object, std::uint64_t position, std::uint64_t content_bytes,
                    std::span<const std::byte> compressed, std::span<std::byte> into) {
  box_of(*object.key)
      .seal(bound_to(frame_label, object.content, position, content_bytes), compressed, into);
}

bool FrameBox::open(const ObjectSeal& object, std::uint64_t position, std::uint64_t content_bytes,
                    std::span<const std::byte> stored, std::span<std::byte> into) {
  return box_of(*object.key)
      .open(bound_to(frame_label, object.content, position, content_bytes), stored, into);
}

std::string seal_table(const ObjectSeal& object, std::span<const std::byte> entries) {
  std::string table(table_added_bytes + entries.size(), '\0');
  const auto bytes = std::as_writable_bytes(std::span(table));
  bytes[0] = table_version;
  const auto random = bytes.subspan(1, table_random_bytes);
  fill_random(random);
  seal::Box box(object.key->objects());
  box.seal_with(table_nonce(random), bound_to(table_label, object.content, 0, entries.size()),
                entries, bytes.subspan(table_head_bytes, entries.size()),
                bytes.last<seal::tag_bytes>());
  return table;
}

std::optional<std::string> open_table(const ObjectSeal& object, std::span<const std::byte> tail) {
  RESTORED_CHECK(tail.size() >= table_added_bytes, "the length was looked at");
  if (tail[0] != table_version) return std::nullopt;
  std::string entries(tail.size() - table_added_bytes, '\0');
  seal::Box box(object.key->objects());
  const bool opened =
      box.open_with(table_nonce(tail.subspan(1, table_random_bytes)),
                    bound_to(table_label, object.content, 0, entries.size()),
                    tail.subspan(table_head_bytes, entries.size()), tail.last<seal::tag_bytes>(),
                    std::as_writable_bytes(std::span(entries)));
  if (!opened) return std::nullopt;
  return entries;
}

struct ContentNamer::State {
  seal::ContentMac mac;
};

ContentNamer::ContentNamer(const DataKey* key)
    : state_(key == nullptr ? nullptr : new State{seal::ContentMac(key->contents())}) {}
ContentNamer::ContentNamer(ContentNamer&&) noexcept = default;
ContentNamer& ContentNamer::operator=(ContentNamer&&) noexcept = default;
ContentNamer::~ContentNamer() = default;

void ContentNamer::begin() {
  if (state_) state_->mac.begin();
}

void ContentNamer::add(std::span<const std::byte> frame_content) {
  if (state_) state_->mac.add(frame_content);
}

ContentId ContentNamer::end(std::uint64_t file_bytes, std::span<const Frame> frames) {
  if (!state_) return content_id(file_bytes, frames);
  std::array<std::byte, 16> lengths{};
  store_little_endian(std::span(lengths).first(8), limits::frame_bytes);
  store_little_endian(std::span(lengths).last(8), file_bytes);
  const seal::Hash hash = state_->mac.end(lengths);
  ContentId id;
  std::ranges::copy(std::span(hash).first(id.bytes.size()), id.bytes.begin());
  return id;
}

}  // namespace restored::format
