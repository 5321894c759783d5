// Names of the public enumerations, as users, the wire and the registry's records see them.
#include <utility>

#include "base/check.h"
#include "restored/engine.h"
#include "restored/operation.h"
#include "restored/requests.h"

namespace restored {
namespace {

template <class Value>
using Name = std::pair<Value, std::string_view>;

constexpr Name<OperationKind> operation_kinds[] = {
    {OperationKind::backup, "backup"},
    {OperationKind::restore, "restore"},
    {OperationKind::undo, "undo"},
    {OperationKind::verify, "verify"},
};
constexpr Name<OperationState> operation_states[] = {
    {OperationState::running, "running"},
    {OperationState::succeeded, "succeeded"},
    {OperationState::failed, "failed"},
    {OperationState::cancelled, "cancelled"},
};
constexpr Name<Phase> phases[] = {
    {Phase::validate, "validate"},
    {Phase::reserve, "reserve"},
    {Phase::fetch, "fetch"},
    {Phase::ingest, "ingest"},
    {Phase::verify, "verify"},
    {Phase::staged, "staged"},
    {Phase::swap, "swap"},
    {Phase::retire, "retire"},
    {Phase::export_files, "export"},  // export is a word of the
                                      // language
    {Phase::upload, "upload"},
    {Phase::commit, "commit"},
    {Phase::read, "read"},
    {Phase::done, "done"},
};
constexpr Name<HookEvent> hook_events[] = {
    {HookEvent::before_swap, "before_swap"},
    {HookEvent::after_swap, "after_swap"},
    {HookEvent::failed, "failed"},
};
constexpr Name<DatabaseStatus> database_statuses[] = {
    {DatabaseStatus::provisioning, "provisioning"},
    {DatabaseStatus::ready, "ready"},
    {DatabaseStatus::recovering, "recovering"},
    {DatabaseStatus::failure, "failure"},
};
constexpr Name<AuditEvent> audit_events[] = {
    {AuditEvent::request, "request"},
    {AuditEvent::operation_end, "operation-end"},
    {AuditEvent::retention_removal, "retention-removal"},
};
constexpr Name<BackupStatus> backup_statuses[] = {
    {BackupStatus::running, "running"},
    {BackupStatus::completed, "completed"},
    {BackupStatus::failed, "failed"},
    {BackupStatus::unknown, "unknown"},
};

template <class Value, std::size_t count>
std::string_view name_in(const Name<Value> (&names)[count], Value wanted) {
  for (const auto& [value, text] : names) {
    if (value == wanted) return text;
  }
  check_failed("every value has a name", __FILE__, __LINE__, "a number was cast to an enumeration");
}

template <class Value, std::size_t count>
std::optional<Value> value_in(const Name<Value> (&names)[count], std::string_view wanted) {
  for (const auto& [value, text] : names) {
    if (text == wanted) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view name(OperationKind kind) {
  return name_in(operation_kinds, kind);
}
std::string_view name(OperationState state) {
  return name_in(operation_states, state);
}
std::string_view name(Phase phase) {
  return name_in(phases, phase);
}
std::string_view name(HookEvent event) {
  return name_in(hook_events, event);
}
std::string_view name(DatabaseStatus status) {
  return name_in(database_statuses, status);
}
std::string_view name(BackupStatus status) {
  return name_in(backup_statuses, status);
}
std::string_view name(AuditEvent event) {
  return name_in(audit_events, event);
}

std::optional<OperationKind> operation_kind(std::string_view text) {
  return value_in(operation_kinds, text);
}
std::optional<OperationState> operation_state(std::string_view text) {
  return value_in(operation_states, text);
}
std::optional<Phase> phase(std::string_view text) {
  return value_in(phases, text);
}
std::optional<AuditEvent> audit_event(std::string_view text) {
  return value_in(audit_events, text);
}
std::optional<HookEvent> hook_event(std::string_view text) {
  return value_in(hook_events, text);
}

}  // namespace restored
