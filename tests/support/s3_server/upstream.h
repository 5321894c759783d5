// The real server behind this one. One thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "s3_server/wire.h"

namespace restored::s3_server {

class Upstream {
 public:
  explicit Upstream(std::string address);  // "127.0.0.1:8000"

  // Sends the request as it came; connects (again) where needed. Nothing: no answer.
  std::optional<AnswerHead> ask(const HttpRequest& request);
  // What follows that head, as it comes. False: either end broke.
  bool pass_body(const AnswerHead& head, bool has_body, Wire& target);
  // The same into memory; nothing when it is cut.
  std::optional<HttpAnswer> whole(const AnswerHead& head, bool has_body);
  void drop() { wire_.reset(); }

 private:
  bool connect();
  const std::string host_;
  const std::string port_;
  std::unique_ptr<Wire> wire_;
};

}  // namespace restored::s3_server
