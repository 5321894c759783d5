#include <boost/json.hpp>

#include "control/answers.h"
#include "control/handlers.h"
#include "restored/limits.h"

namespace restored::control {
namespace {

namespace json = boost::json;

json::object limits_object(const Call& call) {
  return {{"headerBytes", limits::http_header_bytes_max},
          {"bodyBytes", limits::http_body_bytes_max},
          {"jsonDepth", limits::json_depth_max},
          {"listLimit", limits::list_limit_max},
          {"backupListLimit", limits::backup_list_limit_max},
          {"waitSeconds", limits::wait_seconds_max},
          {"requestsPerSecond", call.site.rate.per_second()},
          {"idempotencySeconds", limits::idempotency_seconds}};
}

}  // namespace

Result<Response> get_info(const Call& call) {
  const EngineFacts facts = call.engine().engine_facts();
  json::value problem = nullptr;
  if (facts.repository_error) problem = error_object(*facts.repository_error);
  json::value encryption_key = nullptr;
  if (!facts.encryption_key.empty()) encryption_key = facts.encryption_key;
  json::value note = nullptr;
  if (!facts.io_note.empty()) note = facts.io_note;
  return data_answer(
      200,
      json::object{
          {"type", "info"},
          {"version", facts.version},
          {"rocksdbVersion", facts.rocksdb_version},
          {"repository", facts.repository_url},
          {"repositoryError", std::move(problem)},
          {"encryptionKey", std::move(encryption_key)},
          {"dataPlane", json::object{{"host", call.site.data.host}, {"port", call.site.data.port}}},
          {"ioUring", facts.io_uring},
          {"ioNote", std::move(note)},
          {"memoryBudgetBytes", facts.memory_budget_bytes},
          {"memoryInUseBytes", facts.memory_in_use_bytes},
          {"decodeThreads", facts.decode_threads},
          {"limits", limits_object(call)},
          {"features", json::array{"backup",         "restore",      "restore-validate",
                                   "undo",           "cancel",       "incremental-backup",
                                   "verify-fast",    "content",      "bandwidth-limits",
                                   "collect",        "encryption",   "idempotency-key",
                                   "audit",          "request-rate", "openapi",
                                   "events",         "usage",        "restore-hold",
                                   "queue-position", "hooks"}}});
}

Result<Response> get_health(const Call&) {
  return json_answer(200, json::object{{"status", "ok"}});
}

Result<Response> get_readiness(const Call& call) {
  if (call.site.ready.load()) {
    return json_answer(200, json::object{{"status", "ready"}});
  }
  Response response = json_answer(503, json::object{{"status", "starting"}});
  response.with("Retry-After", std::to_string(limits::retry_after_seconds));
  return response;
}

}  // namespace restored::control
