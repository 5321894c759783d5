// What has to be right before the first signed request to an S3 store can be: address, credentials,
// name, connection, TLS, clock. Each as a finding, so that a wrong one is told as what it is and
// not as the refusal of a request. See repository_check.h for the rest.
#pragma once

#include <functional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "restored/store_options.h"
#include "store/environment.h"
#include "store/repository_check.h"

namespace restored::store {

// Sends one unsigned request, waits for nothing longer than a few seconds, and changes nothing.
// No finding holds a secret. Ends with the first failure.
std::vector<Finding> probe_s3(std::string_view url, const S3Options& options,
                              const Environment& environment, const Clock& clock,
                              std::stop_token stop,
                              const std::function<void(const Finding&)>& tell);

}  // namespace restored::store
