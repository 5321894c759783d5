// The keys of the configuration file: what each one takes and sets. Private to this folder.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include <toml++/toml.h>

#include "config/config.h"

namespace restored::agent {

// Sets one key from its TOML node; returns what it wanted when the node does not fit.
using Setter = std::function<std::optional<std::string_view>(const toml::node&, Config&)>;

// By the dotted name, "data.listen". Null: there is no such key.
const Setter* find_setter(std::string_view key);

}  // namespace restored::agent
