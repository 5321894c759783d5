// What a handler gets: the engine, the request, who asks.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/message.h"
#include "control/refusals.h"
#include "control/request_rate.h"
#include "control/server.h"
#include "restored/engine.h"

namespace restored::control {

enum class Surface : std::uint8_t { first, second, probe };

// The same for every call; outlives them.
struct Site {
  Engine& engine;
  DataEndpoint data;
  std::atomic<bool> ready{false};
  RequestRate rate{};
  Refusals refusals{};
};

struct Call {
  Site& site;
  const Request& request;
  Surface surface = Surface::first;
  std::vector<std::pair<std::string_view, std::string>> parameters = {};  // of the path, decoded
  std::string principal = {};  // "token:ci uid=0 pid=123"
  TokenInfo token = {};        // whose scopes count
  Intent intent = {};          // for what makes something

  Engine& engine() const { return site.engine; }
  const std::string& parameter(std::string_view name) const;
};

}  // namespace restored::control
