#include "restore/unrecorded_ends.h"

#include <span>
#include <string>
#include <utility>

#include "base/log.h"
#include "registry/records.h"
#include "restored/limits.h"

namespace restored::restore {

void mark_end(EngineParts& parts, const Operation& operation) {
  const std::optional<registry::OperationRecord> ended = operation.unrecorded_end();
  // A verification's database may be another host's.
  if (!ended || !parts.registry->database(ended->view.database)) return;
  const DatabaseId& database = ended->view.database;
  const std::string text = registry::encode(registry::StoredOperation{*ended, 0});
  Result<void> marked = parts.files.make_directories(parts.paths.staging(database));
  if (marked) {
    marked = io::replace_file(parts.files, parts.paths.ended_mark(database, operation.id()),
                              std::as_bytes(std::span(text)));
  }
  if (!marked) {
    log::error("restore", "operation={} leaves no mark of its end: {}", operation.id().value,
               marked.error().message);
  }
}

std::optional<registry::OperationRecord> marked_end(EngineParts& parts,
                                                    const registry::OperationRecord& running) {
  const OperationView& view = running.view;
  const std::string path = parts.paths.ended_mark(view.database, view.id);
  if (!parts.files.stat(path)) return std::nullopt;
  const Result<std::string> text = io::read_file(parts.files, path, limits::small_object_bytes_max);
  if (text) {
    Result<registry::StoredOperation> stored = registry::decode_operation(path, *text);
    if (stored && stored->record.view.id == view.id &&
        stored->record.view.state != OperationState::running) {
      return std::move(stored->record);
    }
  }
  // That it has ended is sure: nothing else makes such a file.
  registry::OperationRecord ended = running;
  ended.view.state = OperationState::failed;
  ended.view.error = Error{ErrorCode::internal, "it ended, and how could not be recorded", {}};
  ended.view.may_cancel = false;
  ended.view.ended_at = ended.view.updated_at;
  return ended;
}

void record_ends(EngineParts& parts) {
  for (const OperationTable::Pointer& operation : parts.operations->unrecorded()) {
    const OperationView view = operation->view();
    const std::string mark = parts.paths.ended_mark(view.database, view.id);
    if (!operation->record_end()) {
      if (!parts.files.stat(mark)) mark_end(parts, *operation);
      continue;
    }
    log::info("restore", "operation={} is on record now", view.id.value);
    if (const Result<void> removed = parts.files.remove_file(mark); !removed) {
      log::warning("restore", "operation={} leaves the mark of its end: {}", view.id.value,
                   removed.error().message);
    }
  }
}

}  // namespace restored::restore
