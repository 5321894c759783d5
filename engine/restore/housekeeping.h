// What an engine does on its own: retires generations whose undo time is over, erases removed
// databases and what ended operations left, records what could not be recorded and what the data
// plane counted, forgets old operations, gives free memory back, samples the rates of running
// operations, and ends those that are past their deadline. Threading: made and destroyed by the
// engine's owner; works on a thread of its own.
#pragma once

#include <thread>

#include "restore/engine_parts.h"

namespace restored::restore {

class Housekeeping {
 public:
  explicit Housekeeping(EngineParts& parts);
  // Waits for the thread. REQUIRES: before the databases close.
  void stop();

 private:
  void run(const std::stop_token& stop);
  // While it has never been reached: an operation need not be the first to find out.
  void reach_repository(const std::stop_token& stop);
  void retire_expired();
  // Staged files, exports and marks that an operation could not remove when it ended.
  void remove_ended_staging();
  void forget_old_operations();
  void record_usage();

  EngineParts& parts_;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace restored::restore
