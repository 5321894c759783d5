// The digest of what a database serves, to be compared with that of a backup.
#include <boost/json.hpp>
#include <utility>

#include "base/clock.h"
#include "control/answers.h"
#include "control/handlers.h"
#include "control/lookup.h"

namespace restored::control {
namespace {

namespace json = boost::json;

Response content_answer(const DatabaseId& id, const LiveContent& content) {
  const ContentFacts& facts = content.facts;
  return data_answer(200, json::object{{"type", "content"},
                                       {"databaseId", "db_" + id.value},
                                       {"generation", content.generation},
                                       {"asOf", iso8601(facts.as_of)},
                                       {"asOfMillis", facts.as_of},
                                       {"rows", facts.unexpired.rows},
                                       {"bytes", facts.unexpired.bytes},
                                       {"hash", facts.unexpired.hash()},
                                       {"rowsExpired", facts.stored.rows - facts.unexpired.rows}});
}

}  // namespace

// It reads every row: the client waits for that, and ends it by leaving.
Result<Response> read_content(const Call& call) {
  RESTORED_TRY(const DatabaseInfo database, database_of(call));
  Response response = error_answer(
      Error{ErrorCode::timed_out, "too many requests wait for something that takes long", {}},
      call);
  response.wait = Wait{[&call, id = database.id](std::stop_token stop) {
    const auto content = call.engine().live_content(id, std::move(stop));
    return content ? content_answer(id, *content) : error_answer(content.error(), call);
  }};
  return response;
}

}  // namespace restored::control
