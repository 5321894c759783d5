// The reserve phase: is there room for the staged files beside everything that stays?
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>

#include "catalog/database.h"
#include "format/manifest.h"
#include "restore/engine_parts.h"
#include "restore/space_ledger.h"
#include "restore/staging.h"
#include "restored/error.h"

namespace restored::restore {

struct SpacePlan {
  std::uint64_t content_bytes = 0;   // of the backup
  std::uint64_t reusable_bytes = 0;  // of it, on this host already, by identity
  std::uint64_t free_bytes = 0;      // less what other restores have reserved
  bool retire_previous = false;      // it fits only without the previous generation
};

// Looks, changes nothing. `target` may be null. Errors: insufficient_space, io_error.
Result<SpacePlan> plan_space(const EngineParts& parts, const catalog::Database* target,
                             const format::Manifest& manifest);

// The same, and holds the space. `staged`: what an earlier attempt left of each file of the
// manifest; empty: nothing.
struct ReservedSpace {
  SpacePlan plan;
  std::uint64_t bytes = 0;
  SpaceReservation reservation;
};
Result<ReservedSpace> reserve_space(EngineParts& parts, const catalog::Database* target,
                                    const format::Manifest& manifest,
                                    std::span<const StagedFile> staged);

// Room for what a clone comes to once compactions have replaced the files that it shares with its
// source. Errors: insufficient_space, io_error.
Result<SpaceReservation> reserve_for_clone(EngineParts& parts, std::uint64_t content_bytes);

// Retires the previous generation and waits until its files have left the disk, so that
// `needed_bytes` (which the caller has reserved) and the reserve fit beside what others have
// reserved. Errors: insufficient_space, cancelled.
Result<void> make_room(EngineParts& parts, catalog::Database& target, std::uint64_t needed_bytes,
                       std::stop_token stop);

}  // namespace restored::restore
