#include "made_history.h"

namespace restored::history {

HandMade& HandMade::operation(std::size_t client, Moment invoked, Moment returned,
                              std::vector<Step> steps, Operation::Role role,
                              std::vector<std::string> keys) {
  if (counts_.size() <= client) counts_.resize(client + 1, 0);
  Operation operation;
  operation.client = client;
  operation.index = counts_[client]++;
  operation.role = role;
  operation.invoked = invoked;
  operation.returned = returned;
  operation.steps = std::move(steps);
  operation.keys = std::move(keys);
  history_.operations.push_back(std::move(operation));
  return *this;
}

HandMade& HandMade::restore(Moment invoked, Moment returned, Content content) {
  history_.swaps.push_back({"restore " + std::to_string(history_.swaps.size() + 1), invoked,
                            returned, false, std::move(content)});
  return *this;
}

HandMade& HandMade::undo(Moment invoked, Moment returned) {
  history_.swaps.push_back(
      {"undo " + std::to_string(history_.swaps.size() + 1), invoked, returned, true, {}});
  return *this;
}

}  // namespace restored::history
