// The repository as a whole.
#include <boost/json.hpp>
#include <utility>

#include "control/answers.h"
#include "control/handlers.h"
#include "control/request_body.h"

namespace restored::control {
namespace {

namespace json = boost::json;

Response collection_answer(const CollectionReport& report) {
  return data_answer(200, json::object{{"type", "collection"},
                                       {"dryRun", report.dry_run},
                                       {"backups", report.backups},
                                       {"backupsUnreadable", report.backups_unreadable},
                                       {"objects", report.objects},
                                       {"objectsBytes", report.objects_bytes},
                                       {"objectsUnreferenced", report.objects_unreferenced},
                                       {"objectsYoung", report.objects_young},
                                       {"objectsRemoved", report.objects_removed},
                                       {"bytesRemoved", report.bytes_removed},
                                       {"documentsRemoved", report.documents_removed},
                                       {"uploadsRemoved", report.uploads_removed},
                                       {"failed", report.failed},
                                       {"seconds", report.seconds}});
}

Response rekey_answer(const RekeyReport& report) {
  return data_answer(200, json::object{{"type", "rekey"},
                                       {"key", report.key},
                                       {"dataKeys", report.data_keys},
                                       {"wrapped", report.wrapped},
                                       {"removed", report.removed},
                                       {"foreign", report.foreign},
                                       {"unopened", report.unopened}});
}

}  // namespace

// It lists the whole repository: the client waits for that, and ends it by leaving.
Result<Response> collect_repository(const Call& call) {
  RESTORED_TRY(const json::object body, parse_optional_body(call.request.body));
  RESTORED_TRY(const auto dry_run, flag_member(body, "dryRun", ErrorCode::invalid_value));
  Response response = error_answer(
      Error{ErrorCode::timed_out, "too many requests wait for something that takes long", {}},
      call);
  response.wait = Wait{[&call, dry = dry_run.value_or(false)](std::stop_token stop) {
    const auto report = call.engine().collect_repository(dry, std::move(stop));
    return report ? collection_answer(*report) : error_answer(report.error(), call);
  }};
  return response;
}

// It lists and writes a few small objects of the repository, which may be slow to answer.
Result<Response> rekey_repository(const Call& call) {
  RESTORED_TRY(const json::object body, parse_optional_body(call.request.body));
  RESTORED_TRY(const auto keep, flag_member(body, "keepPrevious", ErrorCode::invalid_value));
  Response response = error_answer(
      Error{ErrorCode::timed_out, "too many requests wait for something that takes long", {}},
      call);
  response.wait = Wait{[&call, keep = keep.value_or(false)](std::stop_token stop) {
    const auto report = call.engine().rekey_repository(keep, std::move(stop));
    return report ? rekey_answer(*report) : error_answer(report.error(), call);
  }};
  return response;
}

}  // namespace restored::control
