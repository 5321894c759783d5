#include "restored/record.h"

#include <fmt/format.h>

#include "base/check.h"

namespace restored::record {
namespace {

constexpr unsigned char flag_expiry = 1;
constexpr unsigned char flags_known = flag_expiry;
constexpr std::size_t expiry_bytes = 8;
constexpr std::size_t collection_header_bytes = 16;  // version and size

bool known(unsigned type) {
  return type >= static_cast<unsigned>(Type::string) && type <= static_cast<unsigned>(Type::stream);
}

}  // namespace

std::string metadata_key(std::string_view user_key) {
  std::string key;
  key.reserve(1 + user_key.size());
  key.push_back(metadata_prefix);
  key.append(user_key);
  return key;
}

std::optional<std::string_view> user_key(std::string_view raw_key) {
  if (raw_key.empty() || raw_key.front() != metadata_prefix) return std::nullopt;
  return raw_key.substr(1);
}

std::string encode(Type type, std::optional<UnixMillis> expires_at, std::string_view payload) {
  RESTORED_CHECK(type == Type::string || payload.size() >= collection_header_bytes,
                 "a collection's record holds its version and size");
  std::string record;
  record.reserve(1 + expiry_bytes + payload.size());
  const unsigned flags = expires_at ? flag_expiry : 0;
  record.push_back(static_cast<char>(static_cast<unsigned>(type) << 4 | flags));
  if (expires_at) {
    const auto time = static_cast<std::uint64_t>(*expires_at);
    for (int shift = 56; shift >= 0; shift -= 8) {
      record.push_back(static_cast<char>(time >> shift & 0xff));
    }
  }
  record.append(payload);
  return record;
}

Result<Metadata> decode(std::string_view record) {
  if (record.empty()) return fail(ErrorCode::corruption, "a record is empty");
  const auto head = static_cast<unsigned char>(record.front());
  if (!known(head >> 4U)) {
    return fail(ErrorCode::corruption, fmt::format("a record has the unknown type {}", head >> 4));
  }
  if ((head & 15U & ~static_cast<unsigned>(flags_known)) != 0) {
    return fail(ErrorCode::corruption, fmt::format("a record has unknown flags {:#x}", head & 15));
  }
  Metadata metadata;
  metadata.type = static_cast<Type>(head >> 4);
  record.remove_prefix(1);
  if ((head & flag_expiry) != 0) {
    if (record.size() < expiry_bytes) {
      return fail(ErrorCode::corruption, "a record is cut short in its expiry");
    }
    std::uint64_t time = 0;
    for (const char byte : record.substr(0, expiry_bytes)) {
      time = time << 8 | static_cast<unsigned char>(byte);
    }
    metadata.expires_at = static_cast<UnixMillis>(time);
    record.remove_prefix(expiry_bytes);
  }
  if (metadata.type != Type::string && record.size() < collection_header_bytes) {
    return fail(ErrorCode::corruption, "a collection's record is cut short");
  }
  metadata.payload = record;
  return metadata;
}

}  // namespace restored::record
