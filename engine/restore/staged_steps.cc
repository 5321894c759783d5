#include "restore/staged_steps.h"

#include <utility>

#include "base/log.h"

namespace restored::restore {

catalog::Expectation expectation(const EngineParts& parts, std::string comparator,
                                 std::vector<catalog::FileFacts> files) {
  catalog::Expectation expected;
  expected.comparator = std::move(comparator);
  expected.files = std::move(files);
  for (const catalog::FileFacts& file : expected.files) {
    expected.entries += file.entries;
    expected.deletions += file.deletions;
  }
  expected.full = parts.options.verify_full;
  return expected;
}

bool has_content(const EngineParts& parts, const DatabaseId& database) {
  const OpenDatabases::Pointer instance = parts.databases.instance(database);
  return instance && !instance->state().last_swap.empty();
}

void note_if_failed(const Result<void>& outcome, const OperationId& operation, const char* what) {
  if (outcome) return;
  log::warning("restore", "operation={} {}: {}", operation.value, what, outcome.error().message);
}

void record_status(EngineParts& parts, const OperationId& operation, const DatabaseId& database,
                   DatabaseStatus status, const std::optional<Error>& failure) {
  const auto known = parts.registry->database(database);
  if (known && known->status == status && !known->failure && !failure) return;
  note_if_failed(parts.change_record(database,
                                     [&](registry::DatabaseRecord& record) {
                                       record.status = status;
                                       record.failure = failure;
                                     }),
                 operation, "cannot record the database's status");
}

}  // namespace restored::restore
