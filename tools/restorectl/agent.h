// The agent's first surface (/v1) as the verbs use it: paths, JSON bodies, errors by code.
// Threading: one thread.
#pragma once

#include <boost/json.hpp>
#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "address.h"
#include "failure.h"
#include "http.h"

namespace restored::ctl {

struct Answer {
  std::string body;          // unchanged
  boost::json::value json;   // null for an empty body
  std::string operation_id;  // from Operation-Location; empty: none
  std::string applied;       // of the preference that was sent; empty: none

  // The "data" member, or the whole where there is none.
  const boost::json::value& data() const;
};

class Agent {
 public:
  // Longer than the agent's own patience with its object store.
  static constexpr std::chrono::seconds request_deadline{90};

  Agent(Address address, std::string token)
      : address_(std::move(address)), token_(std::move(token)) {}

  Answered<Answer> get(std::string target, std::chrono::seconds deadline = request_deadline) const;
  Answered<Answer> post(std::string target) const;
  Answered<Answer> post(std::string target, const boost::json::object& body,
                        std::chrono::seconds deadline = request_deadline) const;
  // With this preference (RFC 7240), which the agent may not know and then does not tell of.
  Answered<Answer> post_preferring(std::string preference, std::string target,
                                   const boost::json::object& body) const;
  Answered<Answer> patch(std::string target, const boost::json::object& body) const;
  Answered<Answer> remove(std::string target) const;

  // Each event of an operation after this one (empty: from the first on) as a line of JSON, until
  // the stream is over, `line` wants no more, or it is `wanted` no more (cancelled).
  Outcome events(
      const std::string& operation, const std::string& after, const TakeLine& line,
      const Wanted& wanted = [] { return true; }) const;

 private:
  Answered<Answer> call(HttpRequest request) const;

  Address address_;
  std::string token_;
};

// One segment of a path or one value of a query, percent-encoded.
std::string segment(std::string_view text);
// "?a=1&b=2" of those that have a value; empty when none has.
using QueryValues = std::initializer_list<std::pair<std::string_view, std::string_view>>;
std::string query_text(QueryValues values);

// The table's code for an answer's wire code and HTTP status; a newer agent's unknown code gets
// the one that stands for its status.
ErrorCode code_of(std::string_view wire, int http_status);

}  // namespace restored::ctl
