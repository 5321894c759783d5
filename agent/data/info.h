// The text of INFO.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "data/client.h"

namespace restored::data {

// Sections in Redis' order, each once; none named: the default ones. May block on the engine.
std::string info_text(Client& client, std::span<const std::string_view> sections);

// When the newest complete backup of the database was made, in seconds; the server's start when
// there is none. May block on the repository.
std::int64_t last_backup_at(Client& client);

}  // namespace restored::data
