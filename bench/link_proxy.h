// A server that is further away: everything passes through unchanged, but the first byte of each
// answer is held back, and no more bytes a second come back than the link to it carries. It knows
// no HTTP: an answer begins where bytes come from the server after some went to it. Bytes are
// spliced, so that it takes little of the processor.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/bandwidth.h"
#include "base/unique_fd.h"
#include "net/http_client.h"
#include "restored/error.h"

namespace restored::bench {

struct Link {
  std::chrono::milliseconds delay{0};  // of each answer's first byte
  std::uint64_t bytes_per_second = 0;  // of all connections together; 0: no limit
};

// Listens on loopback until it is destroyed. Threading: one thread.
class LinkProxy {
 public:
  static Result<std::unique_ptr<LinkProxy>> start(net::Endpoint target, const Link& link);
  ~LinkProxy();
  LinkProxy(const LinkProxy&) = delete;
  LinkProxy& operator=(const LinkProxy&) = delete;

  std::string endpoint() const;  // "http://127.0.0.1:12345"

 private:
  struct Pair;
  LinkProxy(net::Endpoint target, const Link& link);
  void accept_all();
  void carry(Pair& pair);

  const net::Endpoint target_;
  const std::chrono::milliseconds delay_;
  Bandwidth bandwidth_;
  std::uint16_t port_ = 0;
  UniqueFd listener_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::list<std::unique_ptr<Pair>> pairs_;  // guarded by mutex_
  std::jthread accepting_;                  // last: it uses the rest
};

}  // namespace restored::bench
