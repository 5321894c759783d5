#include "restore/operation_hooks.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "base/utf8.h"
#include "hook/hooks.h"
#include "restore/guarded.h"

namespace restored::restore {
namespace {

constexpr std::size_t quoted_bytes_max = 500;

hook::HookEnd run(EngineParts& parts, Operation& operation, HookEvent event,
                  const OperationView& view, const std::stop_token& stop) {
  const HookOptions& options = parts.options.hooks;
  operation.waits_on(fmt::format("hooks.{}, {}", name(event), hook::program_of(options, event)));
  hook::HookEnd end = hook::run(options, event, view, stop);
  operation.waits_on("");
  log::info("restore", "operation={} hook={} {} after {:.3f} s: {}", view.id.value, name(event),
            end.sentence, end.result.seconds, printable(end.result.output, quoted_bytes_max));
  if (const Result<void> noted = operation.note_hook(end.result); !noted) {
    log::warning("restore", "operation={} cannot record what its hook did: {}", view.id.value,
                 noted.error().message);
  }
  return end;
}

bool given(const EngineParts& parts, HookEvent event) {
  return !hook::program_of(parts.options.hooks, event).empty();
}

void tell(EngineParts& parts, Operation& operation, HookEvent event, const OperationView& end) {
  if (!given(parts, event)) return;
  const Result<void> told = guarded([&] {
    run(parts, operation, event, end, parts.stopping.get_token());
    return Result<void>();
  });
  if (told) return;
  log::warning("restore", "operation={} hook={} was cut short: {}", end.id.value, name(event),
               told.error().message);
}

}  // namespace

Result<void> ask_before_swap(EngineParts& parts, Operation& operation,
                             const std::stop_token& stop) {
  constexpr HookEvent event = HookEvent::before_swap;
  if (!given(parts, event)) return {};
  const hook::HookEnd end = run(parts, operation, event, operation.view(), stop);
  if (end.stopped) return fail(ErrorCode::cancelled, "stopped while hooks.before_swap ran");
  if (end.result.exit_status == 0 && !end.result.timed_out) return {};
  const std::string said = printable(end.result.output, quoted_bytes_max);
  return fail(ErrorCode::vetoed_by_hook, fmt::format("hooks.before_swap, {}, {}{}{}",
                                                     hook::program_of(parts.options.hooks, event),
                                                     end.sentence, said.empty() ? "" : ": ", said));
}

bool has_hooks(const EngineParts& parts) {
  return given(parts, HookEvent::before_swap) || given(parts, HookEvent::after_swap) ||
         given(parts, HookEvent::failed);
}

void tell_failed(EngineParts& parts, Operation& operation) {
  const std::optional<OperationView> end = operation.settled_end();
  if (end && end->state == OperationState::failed) tell(parts, operation, HookEvent::failed, *end);
}

void tell_after_swap(EngineParts& parts, Operation& operation) {
  const std::optional<OperationView> end = operation.settled_end();
  if (!end || end->state != OperationState::succeeded) return;
  // What fills a new database from another one's files replaces nothing.
  const bool restored = end->kind == OperationKind::restore && !end->backup.empty();
  if (!restored && end->kind != OperationKind::undo) return;
  tell(parts, operation, HookEvent::after_swap, *end);
}

}  // namespace restored::restore
