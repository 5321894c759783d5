// Clients that do a bit of everything to one database, each on its own connection and thread, until
// they are told to end; and what they saw.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "history.h"
#include "recorder.h"

namespace restored::history {

// The keys that the clients use, all of a history.
std::vector<std::string> load_keys();

class Load {
 public:
  // Clients are numbered from `first_client` on. Seeded, but for the clocks and the threads.
  Load(int port, std::string password, std::uint64_t seed, std::size_t clients,
       std::size_t first_client);
  ~Load();
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  std::size_t operations() const { return operations_.load(); }
  // Ends the clients. Their operations; `first_client` of what comes next. Connections that ended
  // other than by a client's will are among the failures.
  struct Seen {
    std::vector<Operation> operations;
    std::size_t next_client = 0;
    std::vector<std::string> failures;
  };
  Seen finish();

 private:
  struct Part {
    std::vector<Operation> operations;
    std::vector<std::string> failures;
  };

  void work(std::size_t number, std::uint64_t seed);
  // One client that sends writes and leaves without waiting for the answer, some times.
  void leave(std::uint64_t seed);
  void collect(Recorder& recorder, Part& part);

  const int port_;
  const std::string password_;
  const std::size_t clients_;
  const std::size_t first_client_;
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> operations_{0};
  std::atomic<std::size_t> left_{0};
  std::vector<Part> parts_;  // by thread, read after its end
  std::vector<std::jthread> threads_;
};

}  // namespace restored::history
