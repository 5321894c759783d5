// Replies of the Redis protocol, and the bytes that wait for a socket. Pure.
//
// A Reply collects what the commands of one read answer; an OutputQueue holds what the socket did
// not take yet. Large values travel as chunks of their own and are never copied.
//
// Threading: one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace restored::data {

// Bytes of a string from an offset on: the payload of a stored record without its header.
struct Chunk {
  std::string bytes;
  std::size_t offset = 0;
  std::string_view view() const { return std::string_view(bytes).substr(offset); }
};

class OutputQueue {
 public:
  bool empty() const { return bytes_ == 0; }
  std::size_t bytes() const { return bytes_; }
  std::size_t chunks() const { return chunks_.size(); }
  void push(Chunk chunk);
  // Fills `views` from the front and returns how many it filled.
  std::size_t front(std::span<std::string_view> views) const;
  void drop(std::size_t bytes);  // from the front

 private:
  std::deque<Chunk> chunks_;
  std::size_t bytes_ = 0;
};

class Reply {
 public:
  // Where a rollback returns to.
  struct Mark {
    std::size_t chunks = 0;
    std::size_t tail = 0;
    std::size_t bytes = 0;
    std::uint64_t errors = 0;
    bool overflowed = false;
  };

  // Bytes beyond the bound are not kept: overflowed() then says so.
  explicit Reply(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  int protocol() const { return protocol_; }
  void set_protocol(int protocol) { protocol_ = protocol; }

  void ok() { append("+OK\r\n"); }
  void simple(std::string_view text);  // "+text"
  void error(std::string_view text);   // "-text"; the text begins with its code: "ERR ..."
  void integer(std::int64_t value);
  void bulk(std::string_view text);
  void bulk(Chunk chunk);
  void verbatim(std::string_view text);  // RESP3 "=...txt:", RESP2 a bulk
  void null();
  void null_array();
  void array(std::size_t count);
  void map(std::size_t pairs);  // RESP2: an array of twice as many
  void set(std::size_t count);  // RESP2: an array

  std::uint64_t errors() const { return errors_; }
  bool overflowed() const { return overflowed_; }
  bool empty() const { return bytes_ == 0; }
  std::size_t bytes() const { return bytes_; }

  Mark mark() const { return {chunks_.size(), tail_.size(), bytes_, errors_, overflowed_}; }
  void rollback(const Mark& mark);

  // All of it when it is one piece, else nothing.
  std::string_view contiguous() const { return chunks_.empty() ? tail_ : std::string_view(); }
  void clear();
  void move_to(OutputQueue& queue, std::size_t skip = 0);  // without the first `skip` bytes

 private:
  // Once something did not fit, nothing does: the client is closed, and gets no half replies.
  bool fits(std::size_t bytes);
  void push(Chunk chunk);
  void append(std::string_view text);
  void header(char kind, std::int64_t value);

  std::size_t bytes_max_;
  int protocol_ = 2;
  bool overflowed_ = false;
  std::uint64_t errors_ = 0;
  std::size_t bytes_ = 0;
  std::vector<Chunk> chunks_;  // before tail_
  std::string tail_;
};

}  // namespace restored::data
