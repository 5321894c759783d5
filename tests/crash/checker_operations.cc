// The operations that a kill cut off: they go on or end, as their clients were told.
#include "checker.h"

namespace restored::crash_test {
namespace {

using system_test::HttpAnswer;

std::string text(const boost::json::object& object, std::string_view member) {
  const auto* value = object.if_contains(member);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

bool is_end(const std::string& status) {
  return status == "succeeded" || status == "failed" || status == "cancelled";
}

}  // namespace

// All that were cut off go on or end, and soon.
void Checker::end_operations() {
  std::string cursor;
  do {
    const HttpAnswer page =
        get("/v1/operations?limit=1000" + (cursor.empty() ? "" : "&cursor=" + cursor), 200);
    const boost::json::value* data = page.find("data");
    if (data == nullptr || !data->is_array()) return;
    for (const auto& entry : data->get_array()) {
      const boost::json::object& object = entry.get_object();
      const std::string id = text(object, "id");
      ended_[id] = {text(object, "kind"), text(object, "status"), text(object, "databaseId"),
                    text(object, "backupId"), world_.operations.contains(id)};
    }
    cursor = page.at("pagination.nextCursor");
  } while (!cursor.empty());
  for (const auto& [id, status] : world_.operations) {
    if (!ended_.contains(id)) world_.wrong("operation " + id + " is not known any more");
  }
  for (auto& [id, operation] : ended_) {
    if (operation.status != "running") continue;
    if (operation.kind == "restore") commit_if_held(id);
    operation.status = end_of(control_, id);
    if (!is_end(operation.status)) world_.wrong("operation " + id + " does not end");
  }
  for (const auto& [id, status] : world_.operations) compare_operation(id, status);
  for (const auto& [id, operation] : ended_) world_.operations[id] = operation.status;
}

// One that nobody has committed holds again, and one that was committed does not.
void Checker::commit_if_held(const std::string& id) {
  if (!comes_to_hold(control_, id)) return;
  if (world_.cancels.contains(id)) {
    if (world_.cancelled.contains(id)) world_.wrong("restore " + id + " is cancelled, and holds");
    control_.call("DELETE", "/v1/operations/" + id);
    return;
  }
  if (world_.committed.contains(id)) {
    world_.wrong("restore " + id + " was committed, and holds again");
  }
  world_.asks_to_commit(id);
  const HttpAnswer answer = control_.call("POST", "/v1/operations/" + id + "/commit");
  if (answer.status != 200) {
    world_.wrong("a commit was answered with " + std::to_string(answer.status) + " " + answer.text);
  }
}

void Checker::compare_operation(const std::string& id, const std::string& told) {
  const auto found = ended_.find(id);
  if (found == ended_.end()) return;
  const Ended& now = found->second;
  if (world_.held.contains(id) && !world_.commits.contains(id) && now.status == "succeeded")
    world_.wrong("restore " + id + " was to hold, and has swapped though nobody committed it");
  if (is_end(told) && now.status != told) {
    world_.wrong("operation " + id + " was told to have " + told + ", and is " + now.status);
  }
  if (told != "running") return;
  if (now.status == "failed") {
    const HttpAnswer answer = get("/v1/operations/" + id, 200);
    if (answer.at("data.error.message").empty())
      world_.wrong("operation " + id + " has failed without a reason");
    if (now.kind == "restore")
      world_.wrong("restore " + id + " was to go on, and has failed: " + answer.text);
  }
  if (world_.cancelled.contains(id) && now.kind == "restore" && now.status != "cancelled")
    world_.wrong("restore " + id + " was told to be cancelled, and has " + now.status);
  if (!world_.cancels.contains(id) && now.status == "cancelled")
    world_.wrong("operation " + id + " is cancelled, and nobody asked for it");
}

}  // namespace restored::crash_test
