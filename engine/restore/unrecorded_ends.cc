#include "restore/unrecorded_ends.h"

#include <fmt/format.h>

#include <span>
#include <string>
#include <utility>

#include "base/log.h"
#include "format/hash.h"
#include "registry/records.h"
#include "restored/limits.h"

namespace restored::restore {
namespace {

std::string first_line(std::string_view record) {
  return fmt::format("restored-end 1 {:016x}\n",
                     format::hash64(std::as_bytes(std::span(record.data(), record.size())), 0));
}

}  // namespace

std::string encode_mark(const registry::OperationRecord& ended) {
  const std::string record = registry::encode(registry::StoredOperation{ended, 0});
  return first_line(record) + record;
}

std::optional<registry::OperationRecord> decode_mark(const std::string& path,
                                                     std::string_view bytes) {
  const std::size_t line = first_line({}).size();
  if (bytes.size() < line) return std::nullopt;
  const std::string_view record = bytes.substr(line);
  if (bytes.substr(0, line) != first_line(record)) return std::nullopt;
  Result<registry::StoredOperation> stored = registry::decode_operation(path, record);
  if (!stored) return std::nullopt;
  return std::move(stored->record);
}

void mark_end(EngineParts& parts, const Operation& operation) {
  const std::optional<registry::OperationRecord> ended = operation.unrecorded_end();
  // A verification's database may be another host's.
  if (!ended || !parts.registry->database(ended->view.database)) return;
  const DatabaseId& database = ended->view.database;
  const std::string text = encode_mark(*ended);
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
    std::optional<registry::OperationRecord> marked = decode_mark(path, *text);
    if (marked && marked->view.id == view.id && marked->view.state != OperationState::running) {
      return marked;
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
