#include "restore/preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "base/pause.h"
#include "restore/local_reuse.h"
#include "restored/limits.h"

namespace restored::restore {
namespace {

Error insufficient(std::uint64_t needed, std::uint64_t reserve, std::uint64_t free,
                   std::string_view who = "restore") {
  return {ErrorCode::insufficient_space,
          fmt::format("the {} needs {} bytes and a reserve of {} bytes, {} are free", who, needed,
                      reserve, free),
          {}};
}

std::uint64_t less(std::uint64_t bytes, std::uint64_t taken) {
  return bytes - std::min(bytes, taken);
}

// What the disk gets back when the previous generation goes, about: its files that are neither the
// live one's too nor staged. A restore links what it can, so that one inode may have a name in
// each.
std::uint64_t previous_bytes(const EngineParts& parts, const catalog::Database& target,
                             std::span<const StagedFile> staged) {
  const std::optional<GenerationNumber> previous = target.state().previous;
  if (!previous) return 0;
  const Result<std::vector<catalog::LocalFile>> files = target.local_files();
  if (!files) return 0;
  std::set<std::uint64_t> stays;
  for (const StagedFile& file : staged) stays.insert(file.inode);
  std::map<std::uint64_t, std::uint64_t> goes;
  for (const catalog::LocalFile& file : *files) {
    const Result<io::Entry> entry = parts.files.stat(file.path);
    if (!entry) continue;
    if (file.generation == *previous) {
      goes.emplace(entry->inode, entry->size_bytes);
    } else {
      stays.insert(entry->inode);
    }
  }
  std::uint64_t bytes = 0;
  for (const auto& [inode, size_bytes] : goes) {
    if (!stays.contains(inode)) bytes += size_bytes;
  }
  return bytes;
}

struct Wanted {
  std::uint64_t content_bytes = 0;
  std::uint64_t reusable_bytes = 0;  // of files that the target holds
  std::uint64_t unstaged_bytes = 0;  // not in staging already
  std::uint64_t missing_bytes = 0;   // of those, what the target does not hold either
};

Wanted wanted_of(const format::Manifest& manifest, const catalog::Database* target,
                 std::span<const StagedFile> staged) {
  const std::vector<std::optional<std::string>> paths = find_local_files(manifest, target);
  Wanted wanted;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const std::uint64_t size_bytes = manifest.files[i].size_bytes;
    const std::uint64_t staged_bytes = staged.empty() ? 0 : staged[i].bytes;
    const std::uint64_t unstaged_bytes = less(size_bytes, staged_bytes);
    wanted.content_bytes += size_bytes;
    wanted.unstaged_bytes += unstaged_bytes;
    if (paths[i]) wanted.reusable_bytes += size_bytes;
    // What is begun is not given up for a link.
    if (!paths[i] || staged_bytes > 0) wanted.missing_bytes += unstaged_bytes;
  }
  return wanted;
}

// `own_bytes`: what the ledger holds for this restore itself.
Result<SpacePlan> plan(const EngineParts& parts, const catalog::Database* target,
                       const Wanted& wanted, std::span<const StagedFile> staged,
                       std::uint64_t own_bytes) {
  SpacePlan plan;
  plan.content_bytes = wanted.content_bytes;
  plan.reusable_bytes = wanted.reusable_bytes;
  RESTORED_TRY(const io::Space space, parts.files.space(parts.options.state_directory));
  const std::uint64_t others = parts.space.reserved_bytes() - own_bytes;
  plan.free_bytes = less(space.free_bytes, others);
  const std::uint64_t reserve = parts.options.space_reserve_bytes;
  if (wanted.missing_bytes + reserve <= plan.free_bytes) return plan;
  // Without the previous generation its files are no longer there to be reused.
  const std::uint64_t gained = target == nullptr ? 0 : previous_bytes(parts, *target, staged);
  if (gained > 0 && wanted.unstaged_bytes + reserve <= less(space.free_bytes + gained, others)) {
    plan.retire_previous = true;
    return plan;
  }
  return std::unexpected(insufficient(wanted.missing_bytes, reserve, plan.free_bytes));
}

}  // namespace

Result<SpacePlan> plan_space(const EngineParts& parts, const catalog::Database* target,
                             const format::Manifest& manifest) {
  return plan(parts, target, wanted_of(manifest, target, {}), {}, 0);
}

Result<ReservedSpace> reserve_space(EngineParts& parts, const catalog::Database* target,
                                    const format::Manifest& manifest,
                                    std::span<const StagedFile> staged) {
  const Wanted wanted = wanted_of(manifest, target, staged);
  ReservedSpace reserved;
  reserved.bytes = wanted.missing_bytes;
  reserved.reservation = parts.space.reserve(reserved.bytes);
  RESTORED_TRY(reserved.plan, plan(parts, target, wanted, staged, reserved.bytes));
  if (reserved.plan.retire_previous) {
    // It may have to write everything, so it holds space for everything; and who reserved in
    // between has to be seen.
    reserved.bytes = wanted.unstaged_bytes;
    reserved.reservation = parts.space.reserve(reserved.bytes);
    RESTORED_TRY(reserved.plan, plan(parts, target, wanted, staged, reserved.bytes));
  }
  return reserved;
}

Result<SpaceReservation> reserve_for_clone(EngineParts& parts, std::uint64_t content_bytes) {
  SpaceReservation reservation = parts.space.reserve(content_bytes);
  RESTORED_TRY(const io::Space space, parts.files.space(parts.options.state_directory));
  const std::uint64_t others = parts.space.reserved_bytes() - content_bytes;
  const std::uint64_t free_bytes = less(space.free_bytes, others);
  const std::uint64_t reserve = parts.options.space_reserve_bytes;
  if (content_bytes + reserve <= free_bytes) return reservation;
  return std::unexpected(insufficient(content_bytes, reserve, free_bytes, "clone"));
}

Result<void> make_room(EngineParts& parts, catalog::Database& target, std::uint64_t needed_bytes,
                       std::stop_token stop) {
  RESTORED_TRY(target.retire_previous());
  const std::uint64_t reserve = parts.options.space_reserve_bytes;
  const auto deadline = parts.clock.monotonic() + std::chrono::seconds(limits::space_wait_seconds);
  while (true) {
    RESTORED_TRY(const io::Space space, parts.files.space(parts.options.state_directory));
    // The ledger holds what is needed here, and what others will still write.
    const std::uint64_t others = less(parts.space.reserved_bytes(), needed_bytes);
    const std::uint64_t free_bytes = less(space.free_bytes, others);
    if (free_bytes >= needed_bytes + reserve) return {};
    if (parts.clock.monotonic() >= deadline) {
      return std::unexpected(insufficient(needed_bytes, reserve, free_bytes));
    }
    // Nothing tells when the storage engine has removed its files: look again, or be stopped.
    if (!pause(std::chrono::milliseconds(100), stop))
      return fail(ErrorCode::cancelled, "stopped while making room");
  }
}

}  // namespace restored::restore
