// The real agent as a child process, on a temporary state directory and repository, and the
// clients that talk to it: curl for HTTP, hiredis for the Redis protocol.
#pragma once

#include <sys/types.h>

#include <boost/json.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct redisContext;
struct redisReply;

namespace restored::system_test {

// Kills and removes everything at the end. One thread at a time, except where noted.
class DaemonProcess {
 public:
  struct Options {
    std::string state;                // empty: a temporary directory
    std::string repository;           // a directory or a URL; empty: a temporary directory
    bool default_repository = false;  // the agent's own: no flag names one
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;
  };

  DaemonProcess() : DaemonProcess(Options{}) {}
  explicit DaemonProcess(Options options);
  ~DaemonProcess();
  DaemonProcess(const DaemonProcess&) = delete;
  DaemonProcess& operator=(const DaemonProcess&) = delete;

  // Starts it and waits until /readyz answers 200; false (with the log on standard error) when it
  // exits or stays silent for the deadline.
  bool start(std::chrono::seconds deadline = std::chrono::seconds(60));
  // Only starts it.
  void launch();
  bool wait_ready(std::chrono::seconds deadline);
  void configure(const std::string& toml);  // a configuration file, for the next start
  void set_environment(const std::string& name, const std::string& value);  // for the next start

  bool running();
  void kill();  // SIGKILL, reaped
  int stop();   // SIGTERM; the exit status, or -1 when it did not stop within 60 seconds
  // Waits until it is gone by itself; its wait status, or nothing after the deadline.
  std::optional<int> wait_exit(std::chrono::seconds deadline);

  const std::string& state() const { return state_; }
  const std::string& repository() const { return repository_; }
  const std::string& socket() const { return socket_; }
  int port() const { return port_; }
  pid_t pid() const { return pid_; }
  std::string token() const;
  std::string log() const;

 private:
  std::string root_;
  std::string state_;
  std::string repository_;
  bool default_repository_;
  std::string socket_;
  std::string log_path_;
  std::vector<std::string> arguments_;
  std::map<std::string, std::string> environment_;
  int port_ = 0;
  pid_t pid_ = -1;
};

struct HttpAnswer {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string text;
  boost::json::value body;  // null when the text is not JSON

  // Member by path, "data.status"; an empty string when it is not there or not a string.
  std::string at(std::string_view path) const;
  const boost::json::value* find(std::string_view path) const;
};

// "HTTP/1.1 200 OK\r\nName: value\r\n...\r\n\r\nbody"; status 0 when it is not that.
HttpAnswer parse_http(const std::string& raw);

// One curl process a call, over the control socket, with the administrator's token. Any thread.
HttpAnswer http(const DaemonProcess& daemon, std::string_view method, const std::string& path,
                const std::string& body = "", const std::vector<std::string>& headers = {});
// Waits for an operation by its id: the operation's object at its end.
boost::json::object wait_operation(const DaemonProcess& daemon, const std::string& id,
                                   std::chrono::seconds deadline = std::chrono::seconds(120));
std::string operation_of(const HttpAnswer& answer);  // from its Operation-Location header

struct TestDatabase {
  std::string id;        // with its db_ prefix
  std::string password;  // of its first connection
  std::string connection;
};
// Out of the answer to its creation; empty when it was refused.
TestDatabase created_database(const HttpAnswer& answer);
// Of "redis://<connection>:<password>@<host>:<port>".
std::string password_of(const std::string& connection_string);
TestDatabase create_database(const DaemonProcess& daemon, const std::string& name);
// Makes a backup and waits for it; its id.
std::string create_backup(const DaemonProcess& daemon, const std::string& database);
// Starts a restore and waits for it; the ended operation.
boost::json::object restore(const DaemonProcess& daemon, const std::string& database,
                            const std::string& backup);

// One connection. One thread at a time.
class RedisClient {
 public:
  // Connects and authenticates; check ok().
  RedisClient(int port, const std::string& password);
  ~RedisClient();
  RedisClient(RedisClient&&) noexcept;

  bool ok() const;
  // The reply as text: "OK", "(nil)", "(integer) 3", "(error) ERR ...", arrays joined by newlines.
  // "(disconnected) reason" when the connection is lost.
  std::string command(const std::vector<std::string>& arguments);
  // Sends SETs of all pairs in pipelines; false on any error.
  bool load(const std::vector<std::pair<std::string, std::string>>& pairs);
  // Every key and value, by SCAN and MGET. Nothing on any error.
  std::optional<std::map<std::string, std::string>> content();

 private:
  redisContext* context_ = nullptr;
};

// Seeded pairs "<prefix><i>" -> value of value_bytes.
std::vector<std::pair<std::string, std::string>> seeded_pairs(const std::string& prefix,
                                                              std::size_t count,
                                                              std::size_t value_bytes,
                                                              unsigned seed);

}  // namespace restored::system_test
