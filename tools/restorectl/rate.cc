#include "rate.h"

#include <fmt/core.h>

#include <boost/json.hpp>

#include "config/config.h"
#include "fields.h"

namespace restored::ctl {

Result<std::uint64_t> parse_rate(const std::string& text) {
  if (text == "none") return 0;
  const std::string amount = text.ends_with("/s") ? text.substr(0, text.size() - 2) : text;
  const auto bytes = agent::parse_bytes(amount);
  if (bytes) return *bytes;
  return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is not a rate", printable(text)),
              "Write bytes a second with a unit, like 100MiB, or none.");
}

Outcome limit_begun(const Agent& agent, const std::string& operation, std::uint64_t rate) {
  if (operation.empty()) return {};
  const auto limited =
      agent.patch("/v1/operations/" + segment(operation), {{"bandwidthBytesPerSecond", rate}});
  if (limited || limited.error().error.code == ErrorCode::operation_ended) return {};
  Failure failure = limited.error();
  failure.error.message = fmt::format("operation {} has begun, but without its limit: {}",
                                      operation, failure.error.message);
  return std::unexpected(std::move(failure));
}

}  // namespace restored::ctl
