#include "base/kill_point.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string>

#include "base/check.h"

namespace restored {
namespace {

// <module>.<operation>.<place>
constexpr std::array names = std::to_array<std::string_view>({
    "agent.token.before-rename",     "agent.token.after-file",
    "agent.token.after-record",      "catalog.create.before-generation",
    "catalog.create.before-record",  "catalog.create.after-record",
    "catalog.export.after-links",    "catalog.ingest.before-import",
    "catalog.ingest.after-link",     "catalog.ingest.before-manifest",
    "catalog.ingest.after-import",   "catalog.swap.gate-closed",
    "catalog.swap.before-record",    "catalog.swap.after-record",
    "catalog.swap.after-publish",    "catalog.undo.before-record",
    "catalog.undo.after-record",     "catalog.replace.before-record",
    "catalog.replace.after-record",  "catalog.retire.before-record",
    "catalog.retire.after-record",   "catalog.retire.before-drop",
    "catalog.retire.after-drop",     "catalog.open.before-strays",
    "catalog.open.after-strays",     "restore.create.after-record",
    "restore.create.after-database", "restore.create.after-connection",
    "backup.make.after-record",      "backup.make.after-export",
    "backup.make.after-upload",      "backup.make.after-contents",
    "backup.make.before-manifest",   "backup.make.after-manifest",
    "backup.make.after-note",        "backup.make.after-cleanup",
    "backup.make.after-end",         "restore.run.after-record",
    "restore.run.after-reserve",     "restore.run.before-journal",
    "restore.run.after-journal",     "restore.run.after-links",
    "restore.run.after-span",        "restore.run.after-fetch",
    "restore.run.after-ingest",      "restore.run.after-verify",
    "restore.run.after-hold",        "restore.run.after-commit",
    "restore.commit.after-record",   "restore.run.after-hook",
    "restore.run.in-gate",           "restore.run.after-swap",
    "restore.run.after-database",    "restore.run.after-cleanup",
    "restore.run.after-end",         "restore.undo.after-record",
    "restore.undo.after-swap",       "restore.undo.after-end",
    "restore.remove.after-record",   "restore.remove.after-directory",
    "restore.clone.after-record",    "restore.clone.after-export",
    "restore.clone.after-ingest",    "restore.clone.after-swap",
    "schedule.run.after-backup",     "schedule.run.after-settled",
    "schedule.retire.after-begin",   "schedule.retire.after-removal",
    "control.request.after-claim",   "control.request.before-answer",
    "control.request.after-answer",  "control.audit.after-begin",
});

struct Target {
  std::string name;
  std::atomic<int> passes_left = 1;

  Target() {
    const char* text = std::getenv("RESTORED_KILL_POINT");
    if (text == nullptr || *text == '\0') return;
    std::string_view spec = text;
    const std::size_t colon = spec.find(':');
    name = spec.substr(0, colon);
    RESTORED_CHECK(std::ranges::find(names, name) != names.end(),
                   "RESTORED_KILL_POINT names no place");
    if (colon == std::string_view::npos) return;
    const std::string_view count = spec.substr(colon + 1);
    int passes = 0;
    const auto parsed = std::from_chars(count.data(), count.data() + count.size(), passes);
    RESTORED_CHECK(parsed.ec == std::errc{} && parsed.ptr == count.data() + count.size(),
                   "RESTORED_KILL_POINT's count is not a number");
    RESTORED_CHECK(passes > 0, "RESTORED_KILL_POINT counts from 1");
    passes_left = passes;
  }
};

Target& target() {
  static Target the_target;
  return the_target;
}

}  // namespace

// True until the first place is reached without a target: only then is the environment read.
std::atomic<bool> kill_point_detail::armed = true;

void kill_point_detail::reached(std::string_view name) {
  Target& chosen = target();
  if (chosen.name.empty()) {
    armed.store(false, std::memory_order_relaxed);
    return;
  }
  RESTORED_CHECK(std::ranges::find(names, name) != names.end(),
                 "this kill point is missing in the table");
  if (name != chosen.name || --chosen.passes_left != 0) return;
  kill(getpid(), SIGKILL);
  for (;;) pause();  // the signal may take a moment to arrive; nothing must happen after the place
}

std::span<const std::string_view> kill_points() {
  return names;
}

}  // namespace restored
