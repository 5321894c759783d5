#include "s3_server/faults.h"

#include <algorithm>
#include <utility>

namespace restored::s3_server {
namespace {

constexpr std::array<std::string_view, fault_count> fault_names = {"none",
                                                                   "error_500",
                                                                   "slow_down",
                                                                   "slow_down_retry_after",
                                                                   "too_many_requests",
                                                                   "redirect_permanent",
                                                                   "redirect_temporary",
                                                                   "garbage",
                                                                   "reset_before_head",
                                                                   "stall",
                                                                   "delay",
                                                                   "trickle",
                                                                   "chunked",
                                                                   "length_missing",
                                                                   "informational",
                                                                   "connection_close",
                                                                   "header_flood",
                                                                   "endless_header",
                                                                   "length_too_long",
                                                                   "length_too_short",
                                                                   "wrong_content_range",
                                                                   "whole_for_range",
                                                                   "error_in_200",
                                                                   "etag_changed",
                                                                   "empty_etag",
                                                                   "reset_after_head",
                                                                   "reset_mid_body",
                                                                   "stall_mid_body",
                                                                   "truncated",
                                                                   "truncated_no_length",
                                                                   "flipped_bit",
                                                                   "wrong_bytes",
                                                                   "stray_bytes"};

// splitmix64: every input bit reaches every output bit.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15ull;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
  return value ^ (value >> 31);
}

std::uint64_t hash(std::uint64_t seed, std::string_view text) {
  for (const char byte : text) seed = mixed(seed ^ static_cast<unsigned char>(byte));
  return mixed(seed);
}

}  // namespace

std::string_view name(Fault fault) {
  return fault_names.at(static_cast<std::size_t>(fault));
}

std::optional<Fault> fault_named(std::string_view text) {
  const auto* found = std::ranges::find(fault_names, text);
  if (found == fault_names.end()) return std::nullopt;
  return static_cast<Fault>(found - fault_names.begin());
}

bool applies(Fault fault, Kind kind) {
  const bool reads = kind == Kind::get;
  switch (fault) {
    case Fault::wrong_content_range:
    case Fault::whole_for_range:
    case Fault::wrong_bytes:
    case Fault::trickle:
      return reads;
    case Fault::etag_changed:
      return reads || kind == Kind::head;
    case Fault::empty_etag:
      return kind == Kind::complete_upload;
    case Fault::error_in_200:
      return reads || kind == Kind::complete_upload || kind == Kind::list;
    case Fault::flipped_bit:
      return reads || kind == Kind::put || kind == Kind::put_part;
    // The length of a HEAD is all that it says: no client could know.
    case Fault::length_too_long:
    case Fault::length_too_short:
    case Fault::length_missing:
    case Fault::chunked:
    case Fault::reset_mid_body:
    case Fault::stall_mid_body:
    case Fault::truncated:
    case Fault::truncated_no_length:
      return reads || kind == Kind::list;
    default:
      return true;
  }
}

void FaultPlan::set(const FaultMix& mix, std::uint64_t seed) {
  const std::scoped_lock lock(mutex_);
  mix_ = mix;
  seed_ = seed;
  scripts_.clear();
  seen_.clear();
  made_ = {};
}

void FaultPlan::call(const std::string& key, std::string alias) {
  const std::scoped_lock lock(mutex_);
  aliases_[key] = std::move(alias);
}

FaultMix FaultPlan::mix() const {
  const std::scoped_lock lock(mutex_);
  return mix_;
}

void FaultPlan::script(Fault fault, Kind kind, std::string key_part, unsigned times) {
  const std::scoped_lock lock(mutex_);
  scripts_.push_back({fault, kind, std::move(key_part), times});
}

std::uint64_t FaultPlan::made(Fault fault) const {
  const std::scoped_lock lock(mutex_);
  return made_.at(static_cast<std::size_t>(fault));
}

Choice FaultPlan::count(Choice choice) {
  ++made_.at(static_cast<std::size_t>(choice.fault));
  return choice;
}

Choice FaultPlan::choose(const S3Request& request, std::string_view range) {
  const std::scoped_lock lock(mutex_);
  std::string identity(name(request.kind));
  const auto alias = aliases_.find(request.key);
  identity.append(" ").append(alias == aliases_.end() ? request.key : alias->second);
  identity.append(" ").append(range.substr(0, range.find('-')));
  identity.append(" ").append(request.parameter("partNumber"));
  const std::uint64_t nth = seen_[identity]++;
  const std::uint64_t random = hash(seed_ ^ mixed(nth), identity);
  for (Script& script : scripts_) {
    if (script.times == 0 || script.kind != request.kind) continue;
    if (request.key.find(script.key_part) == std::string::npos) continue;
    --script.times;
    return count({script.fault, random});
  }
  double left = static_cast<double>(random >> 11) / 9007199254740992.0;  // 2^53
  for (std::size_t at = 1; at < fault_count; ++at) {
    left -= mix_.probability[at];
    if (left >= 0) continue;
    const auto fault = static_cast<Fault>(at);
    if (!applies(fault, request.kind)) break;
    return count({fault, mixed(random)});
  }
  return count({Fault::none, random});
}

}  // namespace restored::s3_server
