// What can be wrong with an answer, and which request gets what.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "s3_server/request.h"

namespace restored::s3_server {

enum class Fault : std::uint8_t {
  none,
  // Another answer. Throttled requests are not carried out; of the others every second one is,
  // and only its answer is lost.
  error_500,
  slow_down,              // 503
  slow_down_retry_after,  // 503, Retry-After: 1
  too_many_requests,      // 429
  redirect_permanent,     // 301 PermanentRedirect, with another region
  redirect_temporary,     // 307
  garbage,                // not HTTP
  reset_before_head,
  stall,  // nothing, for FaultMix::stall; then a reset
  // The right answer, in an unusual way.
  delay,
  trickle,
  chunked,
  length_missing,  // until the connection ends
  informational,   // two 1xx heads before
  connection_close,
  header_flood,  // 300 KiB of headers
  // A wrong head.
  endless_header,
  length_too_long,
  length_too_short,
  wrong_content_range,
  whole_for_range,  // 200 and the whole object for a range
  error_in_200,     // an XML error where a body should be
  etag_changed,     // as if the object had been replaced
  empty_etag,
  // A wrong body.
  reset_after_head,
  reset_mid_body,
  stall_mid_body,
  truncated,            // the connection ends orderly, early
  truncated_no_length,  // and nothing tells how long the body should be
  flipped_bit,          // of what is sent; of what was received before it is stored
  wrong_bytes,          // from another place of the object, under the right header
  stray_bytes,          // after the answer; after a HEAD: a chunked body's end
};
inline constexpr std::size_t fault_count = 33;
std::string_view name(Fault fault);
std::optional<Fault> fault_named(std::string_view name);

// Whether it means anything for requests of this kind.
bool applies(Fault fault, Kind kind);

struct FaultMix {
  std::array<double, fault_count> probability{};  // each 0 to 1, 1 in all at most
  std::chrono::milliseconds delay{20};            // at most
  std::chrono::milliseconds stall{5'000};
  std::chrono::milliseconds trickle{1};  // between two of the pieces of a trickled body

  double& operator[](Fault fault) { return probability.at(static_cast<std::size_t>(fault)); }
  double operator[](Fault fault) const { return probability.at(static_cast<std::size_t>(fault)); }
};

struct Choice {
  Fault fault = Fault::none;
  std::uint64_t random = 0;  // for where, how long, and the like
};

// Threading: all methods may be called from any thread at once.
class FaultPlan {
 public:
  // The nth request that is the same (kind, object, where it begins) gets the same fault in every
  // run with this seed.
  void set(const FaultMix& mix, std::uint64_t seed);
  // What an object is called in that, where its key is another one in each run.
  void call(const std::string& key, std::string alias);
  // The next `times` requests of this kind whose key contains `key_part` get this, before the mix.
  void script(Fault fault, Kind kind, std::string key_part, unsigned times);
  FaultMix mix() const;

  Choice choose(const S3Request& request, std::string_view range);
  std::uint64_t made(Fault fault) const;  // since set()

 private:
  struct Script {
    Fault fault = Fault::none;
    Kind kind = Kind::other;
    std::string key_part;
    unsigned times = 0;
  };
  Choice count(Choice choice);

  mutable std::mutex mutex_;
  FaultMix mix_;
  std::uint64_t seed_ = 0;
  std::vector<Script> scripts_;
  std::map<std::string, std::string> aliases_;
  std::map<std::string, std::uint64_t> seen_;
  std::array<std::uint64_t, fault_count> made_{};
};

}  // namespace restored::s3_server
