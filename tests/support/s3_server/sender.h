// Sends an answer, right or wrong.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "s3_server/faults.h"
#include "s3_server/wire.h"

namespace restored::s3_server {

// Waits, or is told to stop.
class Pause {
 public:
  explicit Pause(std::stop_token stop) : stop_(std::move(stop)) {}
  // False: stopped.
  bool wait(std::chrono::milliseconds time);

 private:
  std::stop_token stop_;
  std::mutex mutex_;
  std::condition_variable_any never_;
};

struct Sending {
  const HttpRequest& request;
  const S3Request& parsed;
  Choice choice;
  const FaultMix& mix;
};

// What is answered instead of carrying the request out, if the fault says so.
bool replaces_answer(const Choice& choice);
// A fault of what was received: a bit of its body.
void damage_request(HttpRequest& request, const Choice& choice);

// `right` is the right answer, or whatever where replaces_answer(). False: the connection ends.
bool send_answer(Wire& wire, Pause& pause, const Sending& sending, HttpAnswer right);

}  // namespace restored::s3_server
