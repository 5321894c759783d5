// The text of INFO.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "data/client.h"

namespace restored::data {

// Sections in Redis' order, each once; none named: the default ones. May block on the engine, never
// on the repository: monitors ask every few seconds.
std::string info_text(Client& client, std::span<const std::string_view> sections);

// When the newest backup of the database was complete, in seconds; the server's start when there
// is none.
std::int64_t last_backup_at(Client& client);

}  // namespace restored::data
