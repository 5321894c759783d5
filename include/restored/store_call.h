// What travels with every call on an object store: when to give up, where to tell what it waits
// for, how fast it may go, and which version of each object it has seen. A stop token alone is a
// call too: `store.stat(key, stop)`.
#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <utility>

namespace restored {

class Bandwidth;       // base/bandwidth.h
class ObjectVersions;  // base/object_versions.h
class WaitBoard;       // base/wait_board.h

// Copied freely; what it points to outlives the call. Null: nobody asks.
struct StoreCall {
  StoreCall() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): most calls have no more to say.
  StoreCall(std::stop_token stop_token) : stop(std::move(stop_token)) {}

  std::stop_token stop;
  // How long it is tried again and how long it may stall, where the store's own options are too
  // long for who waits.
  std::optional<std::chrono::milliseconds> patience;
  // Not tried again after an attempt whose outcome is not known: it may still come to pass.
  bool only_once = false;
  WaitBoard* waits = nullptr;          // the operation's
  Bandwidth* bandwidth = nullptr;      // the operation's, beside the agent's own
  ObjectVersions* versions = nullptr;  // an object read in several calls must not change in between
};

}  // namespace restored
