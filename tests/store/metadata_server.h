// An instance's metadata service on loopback, as a test wants it: right until it is told to be
// wrong. One request a connection, one at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"

namespace restored::store {

struct MetadataRequest {
  std::string line;  // "PUT /latest/api/token"
  std::string head;  // in lower case
};
struct MetadataAnswer {
  unsigned status = 200;
  std::string body;
  bool chunked = false;
};

class MetadataServer {
 public:
  using Handler = std::function<MetadataAnswer(const MetadataRequest&)>;

  MetadataServer();
  ~MetadataServer();
  MetadataServer(const MetadataServer&) = delete;
  MetadataServer& operator=(const MetadataServer&) = delete;

  std::string url() const;  // "http://127.0.0.1:41234"
  // What the service says from now on. It runs on the server's thread, and may wait.
  void answer_with(Handler handler);
  std::vector<std::string> requests() const;  // their lines
  // How many of them asked for a token: one a refresh.
  std::size_t refreshes() const;

 private:
  void serve(const std::stop_token& stop);
  void serve_one(int client);

  UniqueFd listener_;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  Handler handler_;
  std::vector<std::string> requests_;
  std::jthread thread_;
};

// A service as it should be, with this role's key until `expiration`.
MetadataServer::Handler good_metadata(std::string key_id, std::string expiration);

}  // namespace restored::store
