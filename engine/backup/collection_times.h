// The times of the protocol between hosts; see "Order of writing and removing" in
// format/FORMAT.md. Every host has the same ones: tests alone have others.
#pragma once

#include <chrono>

#include "restored/limits.h"

namespace restored::backup {

struct CollectionTimes {
  using Millis = std::chrono::milliseconds;
  // How old what no backup names must be, by the store's clock.
  Millis grace = std::chrono::seconds(limits::orphan_seconds);
  // How often a mark is renewed; how long after the beginning of its last renewal objects may be
  // removed; and how old it is, by the store's clock, when nobody heeds it any longer.
  Millis renew = std::chrono::seconds(limits::collection_renew_seconds);
  Millis remove = std::chrono::seconds(limits::collection_remove_seconds);
  Millis stale = std::chrono::seconds(limits::collection_stale_seconds);
  Millis look = std::chrono::seconds(limits::collection_look_seconds);
  Millis retry = std::chrono::seconds(limits::collection_retry_seconds);
};

}  // namespace restored::backup
