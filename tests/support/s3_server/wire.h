// One connection and the HTTP/1.1 on it, with blocking calls. Nothing here knows S3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace restored::s3_server {

using Headers = std::vector<std::pair<std::string, std::string>>;

// Without case; empty: there is none.
std::string_view header_of(const Headers& headers, std::string_view name);

struct HttpRequest {
  std::string method;
  std::string target;
  Headers headers;
  std::string body;
  std::string_view header(std::string_view name) const { return header_of(headers, name); }
};

struct HttpAnswer {
  unsigned status = 200;
  Headers headers;  // without Content-Length
  std::shared_ptr<const std::string> content;
  std::size_t offset = 0;  // of the body in content
  std::size_t length = 0;

  void set_body(std::string text) {
    length = text.size();
    offset = 0;
    content = std::make_shared<const std::string>(std::move(text));
  }
  std::string_view body() const {
    return content ? std::string_view(*content).substr(offset, length) : std::string_view();
  }
};

// The first line and the headers, without the length of the body.
std::string head_text(unsigned status, const Headers& headers);

// The head of an answer that came from another server.
struct AnswerHead {
  unsigned status = 0;
  Headers headers;
  std::string text;  // as it came, with the empty line
  std::optional<std::size_t> content_length;
  bool chunked = false;
};

// Move-only. One thread; shut_down() from any.
class Wire {
 public:
  explicit Wire(int fd);  // takes it
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  // Nothing: the peer went away, or what it sends is not HTTP.
  std::optional<HttpRequest> read_request();
  std::optional<AnswerHead> read_answer_head();
  // The body after a head; nothing when it is cut.
  std::optional<std::string> read_body(const AnswerHead& head, bool has_body);
  // Sends `bytes` of what follows on this connection to another one, without copies where the
  // kernel can; false when either end breaks.
  bool move_to(Wire& target, std::size_t bytes);

  bool send(std::string_view bytes);
  // Waits until the peer has ended its side or sends something; false after the time.
  bool wait_readable(int millis);
  void reset();      // the end will be a reset, not an orderly one
  void end();        // closes
  void shut_down();  // every call returns, now and later

 private:
  bool fill();                             // more bytes into buffer_
  std::optional<std::string> read_head();  // with the empty line
  std::optional<std::string> read_exactly(std::size_t bytes);
  std::optional<std::string> read_chunks();

  std::mutex mutex_;  // closing against shutting down
  int fd_;
  std::string buffer_;  // read, not yet used
  int pipe_[2] = {-1, -1};
};

}  // namespace restored::s3_server
