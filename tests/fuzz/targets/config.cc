// The configuration. A document that is accepted obeys the limits, and no message quotes the value
// of a key that is a secret.
#include <fmt/format.h>

#include <string>

#include "choices.h"
#include "config/config.h"
#include "target.h"

namespace restored::fuzz {
namespace {

constexpr std::string_view secret = "S3cr3tOfAFile";

void check_limits(const agent::Config& config) {
  require(config.engine.state_directory.starts_with('/'), "the state is an absolute path");
  require(config.engine.memory_budget_bytes >= limits::memory_budget_bytes_min,
          "the budget holds a range");
  require(config.data_threads <= limits::configured_threads_max &&
              config.engine.decode_threads <= limits::configured_threads_max,
          "threads are bounded");
  require(config.engine.store.reads_max >= 1 &&
              config.engine.store.reads_max <= limits::ranges_in_flight_max &&
              config.engine.store.writes_max >= 1 &&
              config.engine.store.writes_max <= limits::store_writes_max,
          "requests in flight are bounded");
  require(config.engine.undo_seconds <= limits::undo_seconds_max &&
              config.engine.store.retry_seconds <= limits::store_seconds_max &&
              config.engine.store.stall_seconds <= limits::store_seconds_max,
          "times fit into milliseconds");
  require(config.data_value_bytes_max <= 2 * kGiB, "values are bounded");
}

void check_document(std::string_view text) {
  agent::Config config = agent::default_config();
  const Result<void> applied = agent::apply_toml(text, "/etc/restored.toml", config);
  if (!applied) {
    require(applied.error().code == ErrorCode::invalid_configuration &&
                applied.error().message.starts_with("/etc/restored.toml, line "),
            "a message names the file and the line");
    return require_sound(applied.error());
  }
  agent::Config again = agent::default_config();
  require(agent::apply_toml(text, "/etc/restored.toml", again).has_value(), "twice is the same");
  const Result<void> valid = agent::validate(config);
  if (!valid) return require_sound(valid.error());
  check_limits(config);
}

void check_secrets(std::string_view text) {
  if (text.find(secret) != text.npos) return;  // then it is no secret
  for (const char* const key : {"secret_access_key", "session_token", "secret"}) {
    const std::string document = fmt::format("{}\n[s3]\n{} = \"{}\"\n", text, key, secret);
    agent::Config config = agent::default_config();
    const Result<void> applied = agent::apply_toml(document, "x", config);
    require(!applied, "a secret has no place in the configuration");
    require(applied.error().message.find(secret) == std::string::npos, "no message quotes it");
  }
}

void check_quantities(std::string_view text) {
  if (const auto bytes = agent::parse_bytes(text))
    require(agent::parse_bytes(std::to_string(*bytes)) == bytes, "a size is a number of bytes");
  if (const auto seconds = agent::parse_seconds(text))
    require(agent::parse_seconds(fmt::format("{}s", *seconds)) == seconds, "a time is of seconds");
}

void run(std::string_view input) {
  Choices choices(input);
  const std::uint8_t kind = choices.byte();
  const std::string_view text = choices.rest();
  switch (kind % 4) {
    case 0:
      return check_secrets(text);
    case 1:
      return check_quantities(text);
    default:
      return check_document(text);
  }
}

const Registration registration({"config", 4 * 1024, run});

}  // namespace
}  // namespace restored::fuzz
