#include "seeded_runs.h"

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "store/s3_store.h"
#include "support/environment_number.h"

namespace restored::test {
namespace {

using s3_server::Fault;
using s3_server::FaultMix;

// Each has its share of the requests.
struct Share {
  Fault fault;
  double probability;
};
constexpr Share shares[] = {
    // 15 % errors
    {Fault::error_500, 0.040},
    {Fault::reset_before_head, 0.030},
    {Fault::reset_after_head, 0.010},
    {Fault::reset_mid_body, 0.020},
    {Fault::truncated, 0.020},
    {Fault::truncated_no_length, 0.003},
    {Fault::garbage, 0.008},
    {Fault::error_in_200, 0.003},
    {Fault::length_too_long, 0.003},
    {Fault::length_too_short, 0.002},
    {Fault::wrong_content_range, 0.003},
    {Fault::whole_for_range, 0.003},
    {Fault::header_flood, 0.002},
    {Fault::endless_header, 0.001},
    {Fault::stall, 0.0005},
    {Fault::stall_mid_body, 0.0005},
    // 20 % throttled
    {Fault::slow_down, 0.130},
    {Fault::slow_down_retry_after, 0.001},
    {Fault::too_many_requests, 0.069},
    // 10 % delayed
    {Fault::delay, 0.090},
    {Fault::trickle, 0.010},
    // 0.5 % damaged
    {Fault::flipped_bit, 0.004},
    {Fault::wrong_bytes, 0.001},
    // unusual, and right
    {Fault::chunked, 0.010},
    {Fault::length_missing, 0.010},
    {Fault::informational, 0.010},
    {Fault::connection_close, 0.020},
    {Fault::stray_bytes, 0.010},
    {Fault::empty_etag, 0.020},
    // for good
    {Fault::redirect_permanent, 0.0005},
    {Fault::redirect_temporary, 0.0005},
    {Fault::etag_changed, 0.0005},
};

// The codes that an operation on the repository may end with when the store is what is wrong.
constexpr ErrorCode store_codes[] = {ErrorCode::object_store_unavailable,
                                     ErrorCode::store_misconfigured, ErrorCode::object_changed,
                                     ErrorCode::corruption, ErrorCode::backup_not_usable};

}  // namespace

SeedRange seeds(std::uint64_t usual, std::uint64_t many) {
  if (const std::uint64_t one = number_of("RESTORED_S3_SEED"); one > 0) return {one, one + 1};
  std::uint64_t count = number_of("RESTORED_TEST_LONG") > 0 ? many : usual;
  if (const std::uint64_t wanted = number_of("RESTORED_S3_SEEDS"); wanted > 0) count = wanted;
  return {1, count + 1};
}

FaultMix usual_mix(std::uint64_t seed) {
  FaultMix mix;
  mix.delay = std::chrono::milliseconds(10);
  mix.stall = std::chrono::milliseconds(3'000);
  const double times = seed % 8 == 0 ? 2.0 : 1.0;
  for (const Share& share : shares) mix[share.fault] = times * share.probability;
  return mix;
}

bool ends_for_good(Fault fault) {
  return fault == Fault::redirect_permanent || fault == Fault::redirect_temporary ||
         fault == Fault::etag_changed;
}

StoreOptions options_for(const std::string& endpoint) {
  StoreOptions options;
  options.s3.endpoint = endpoint;
  options.s3.region = "us-east-1";
  options.s3.instance_metadata = false;
  options.stall_seconds = 1;
  return options;
}

std::unique_ptr<ObjectStore> open_quick(const s3_server::FaultServer& server,
                                        const std::string& key_prefix) {
  const auto environment = [](const char* name) -> std::optional<std::string> {
    const std::string_view wanted = name;
    if (wanted == "AWS_ACCESS_KEY_ID") return "TESTKEY";
    if (wanted == "AWS_SECRET_ACCESS_KEY") return "testsecret";
    return std::nullopt;
  };
  auto store = store::S3Store::open(std::string("s3://") + bucket + "/" + key_prefix,
                                    options_for(server.endpoint()), environment);
  if (!store) {
    std::fprintf(stderr, "%s\n", store.error().message.c_str());
    return nullptr;
  }
  store::RetryPolicy policy;
  policy.backoff = std::chrono::milliseconds(1);
  policy.backoff_max = std::chrono::milliseconds(20);
  policy.budget = std::chrono::seconds(5);
  (*store)->set_retry_policy(policy);
  return std::move(*store);
}

std::string unclear(const Error& error) {
  if (std::ranges::find(store_codes, error.code) == std::end(store_codes))
    return "its code is " + std::string(facts(error.code).name) + ": " + error.message;
  for (const char* place :
       {"objects/", "backups/", "repository.json", "127.0.0.1:", ".sst", "databases/", "backup "})
    if (error.message.find(place) != std::string::npos) return {};
  return "it names neither an object nor the server: " + error.message;
}

RunBound::RunBound(std::uint64_t seed, std::chrono::seconds bound)
    : watch_([this, seed, bound](const std::stop_token& ended) {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        never.wait_for(lock, ended, bound, [] { return false; });
        if (ended.stop_requested()) return;
        std::fprintf(stderr, "seed %llu: not at its end after %lld s\n",
                     static_cast<unsigned long long>(seed), static_cast<long long>(bound.count()));
        run_.request_stop();
      }) {}

void Outcomes::print(const std::string& title) const {
  std::fprintf(stderr, "%s:", title.c_str());
  for (const auto& [what, count] : counts_)
    std::fprintf(stderr, " %llu %s;", static_cast<unsigned long long>(count), what.c_str());
  std::fprintf(stderr, "\n");
}

}  // namespace restored::test
