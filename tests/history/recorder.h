// One lasting connection that writes down what it asked, when, and what it was told.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "history.h"

struct redisContext;
struct redisReply;

namespace restored::history {

Moment now();  // of the clock of every history

// Threading: one thread at a time. After a lost connection every call does nothing.
class Recorder {
 public:
  // Connects and authenticates; check connected().
  Recorder(int port, const std::string& password, std::size_t client);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  bool connected() const { return context_ != nullptr; }
  std::size_t client() const { return client_; }

  Value get(const std::string& key);
  void set(const std::string& key, const std::string& value);
  void set_nx(const std::string& key, const std::string& value);
  void getdel(const std::string& key);
  void incr(const std::string& key);
  void mget(const std::vector<std::string>& keys);
  void mset(const std::vector<std::string>& keys, const std::string& value);
  void dbsize();
  // SCAN from 0 to its end, `count` a page.
  void scan(std::size_t count);
  // Steps without their answers; those that a queue can hold: all but `present`.
  void transaction(const std::vector<Step>& steps);
  // WATCH, GET of the watched keys, then the transaction.
  void watched_transaction(const std::vector<std::string>& keys, const std::vector<Step>& steps);
  // Sends the SET and closes the connection without waiting for the answer.
  void set_and_leave(const std::string& key, const std::string& value);

  std::vector<Operation> take() { return std::move(operations_); }

 private:
  using Role = Operation::Role;
  struct ReplyEnd {
    void operator()(redisReply* reply) const;
  };
  using Reply = std::unique_ptr<redisReply, ReplyEnd>;

  Reply call(const std::vector<std::string>& words);
  bool send(const std::vector<std::string>& words);
  Reply receive();
  void close();
  Operation& begin(std::vector<Step> steps, Role role = Role::command);
  // Sends, waits and writes the moments down. Nothing: no answer came, or an error, which is noted.
  Reply ask(Operation& operation, const std::vector<std::string>& words);
  // An answer that is of no kind that the command has counts as an error.
  void run(Step step, const std::vector<std::string>& words);
  void exec(const std::vector<Step>& steps, bool watched);

  redisContext* context_ = nullptr;
  const std::size_t client_;
  std::vector<Operation> operations_;
};

}  // namespace restored::history
