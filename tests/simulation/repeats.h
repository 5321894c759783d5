// Requests as clients send them, so that who was not answered can send the same again.
#pragma once

#include <string>

#include "ledger.h"
#include "restored/database.h"
#include "restored/intent.h"

namespace restored::simulation {

Intent intent_of(const Event& event);
// Of a creation.
std::string name_of(std::size_t database);
CreateDatabase request_of(const Event& event);
void note_made(std::size_t database, const CreatedDatabase& made);

}  // namespace restored::simulation
