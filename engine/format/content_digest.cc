#include "format/content_digest.h"

#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/check.h"
#include "base/hex.h"
#include "format/little_endian.h"
#include "restored/record.h"

namespace restored::format {
namespace {

constexpr std::size_t shown_key_bytes = 32;

void add_row(ContentDigest& digest, std::uint64_t bytes, const XXH128_hash_t& hash) {
  ++digest.rows;
  digest.bytes += bytes;
  digest.sum[0] += hash.low64;
  const std::uint64_t carry = digest.sum[0] < hash.low64 ? 1 : 0;
  digest.sum[1] += hash.high64 + carry;
}

std::string shown(std::string_view key) {
  const auto head = key.substr(0, std::min(key.size(), shown_key_bytes));
  return to_hex(std::as_bytes(std::span(head.data(), head.size()))) +
         (head.size() < key.size() ? "..." : "");
}

}  // namespace

struct ContentReader::State {
  XXH3_state_t* hash = XXH3_createState();
  State() { RESTORED_CHECK(hash != nullptr, "memory for a hash"); }
  ~State() { XXH3_freeState(hash); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
};

ContentReader::ContentReader(UnixMillis as_of) : state_(std::make_unique<State>()) {
  facts_.as_of = as_of;
}
ContentReader::ContentReader(ContentReader&&) noexcept = default;
ContentReader& ContentReader::operator=(ContentReader&&) noexcept = default;
ContentReader::~ContentReader() = default;

Result<void> ContentReader::add(std::string_view key, std::string_view value) {
  bool expired = false;
  if (record::user_key(key)) {
    const auto metadata = record::decode(value);
    if (!metadata)
      return std::unexpected(context("the row with the key " + shown(key), metadata.error()));
    expired = record::expired(*metadata, facts_.as_of);
  } else if (key.empty() || key.front() != record::element_prefix) {
    return fail(ErrorCode::corruption,
                fmt::format("a row with the key {} is none of the data plane's", shown(key)));
  }
  std::array<std::byte, 16> lengths{};
  store_little_endian(std::span(lengths).first(8), std::uint64_t{key.size()});
  store_little_endian(std::span(lengths).last(8), std::uint64_t{value.size()});
  XXH3_128bits_reset(state_->hash);
  XXH3_128bits_update(state_->hash, lengths.data(), lengths.size());
  XXH3_128bits_update(state_->hash, key.data(), key.size());
  XXH3_128bits_update(state_->hash, value.data(), value.size());
  const XXH128_hash_t hash = XXH3_128bits_digest(state_->hash);
  add_row(facts_.stored, key.size() + value.size(), hash);
  if (!expired) add_row(facts_.unexpired, key.size() + value.size(), hash);
  return {};
}

}  // namespace restored::format
