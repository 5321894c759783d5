// Method and path to handler, from one table.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/call.h"

namespace restored::control {

using Handler = Result<Response> (*)(const Call&);

// The slowest thing that a route may wait for. Each has its threads, so that a repository that
// hangs stops neither a cancel nor the revocation of a token, and a disk that hangs no probe.
// A cancel has its own, so that it stands behind nothing but other cancels.
enum class Reach : std::uint8_t { memory, disk, store, cancel };
inline constexpr std::size_t reaches = 4;

struct Route {
  std::string_view method;
  std::string_view pattern;  // segments; "{name}" takes any one
  Surface surface;
  Scopes any_of;  // a caller needs one of these; 0: no credentials asked
  Reach reach;
  Handler handler;
  bool reads_hold = false;  // "Prefer: hold=..." changes what is done
};

// Every route of the agent.
std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;  // null: see allowed
  std::vector<std::pair<std::string_view, std::string>> parameters;
  std::string allowed;  // the path's methods, "GET, HEAD, POST"; empty: no such path
};
// HEAD finds the GET route.
Match match(std::span<const Route> table, std::string_view method, std::string_view path);

// The surface that an unmatched path belongs to.
Surface surface_of(std::string_view path);

}  // namespace restored::control
