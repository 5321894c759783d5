// Threads of a stage, below the priority of those that serve clients. What a thread's work
// returns or throws goes to the run's first error; the end of a thread is never silent.
// Threading: one thread owns it.
#pragma once

#include <functional>
#include <thread>
#include <vector>

#include "pipeline/first_error.h"
#include "restored/error.h"

namespace restored::pipeline {

class Workers {
 public:
  explicit Workers(FirstError& first_error) : first_error_(first_error) {}
  ~Workers() { join(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // `name` is a string literal. Threads that the system refuses are a recorded error.
  void start(const char* name, unsigned count, const std::function<Result<void>()>& work);
  void join();

 private:
  FirstError& first_error_;
  std::vector<std::thread> threads_;
};

}  // namespace restored::pipeline
