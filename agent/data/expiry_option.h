// Expiry times as commands spell them: EX seconds, PX milliseconds, EXAT and PXAT moments.
#pragma once

#include <optional>
#include <string_view>

#include "data/command.h"
#include "restored/units.h"

namespace restored::data {

enum class ExpiryUnit : std::uint8_t { seconds, milliseconds };
enum class ExpiryBase : std::uint8_t { now, epoch };

// The moment that argument `index` stands for. Nothing: an error was replied, for the argument is
// no number, not positive, or the moment does not fit.
std::optional<UnixMillis> expiry_moment(Call& call, std::size_t index, ExpiryUnit unit,
                                        ExpiryBase base);
void invalid_expiry(Call& call);

}  // namespace restored::data
