// An HTTP answer of an object store, through the parser of our client. However it is cut into
// reads and whatever room there is for its body, it is the same answer or the same refusal.
#include <algorithm>
#include <string>
#include <vector>

#include "choices.h"
#include "net/answer_parser.h"
#include "restored/limits.h"
#include "target.h"

namespace restored::fuzz {
namespace {

struct Outcome {
  bool refused = false;
  bool head = false;
  unsigned status = 0;
  std::vector<net::Header> headers;
  bool chunked = false;
  std::string body;  // of a chunked one
  bool done = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class Reader {
 public:
  Reader(bool to_head, std::size_t room) : parser_(to_head), room_(room) {}

  // False when there is no sense in more.
  bool take(std::string_view piece) {
    held_ += piece;
    if (!outcome_.head && !take_head()) return false;
    if (!outcome_.head) return true;
    return outcome_.chunked && take_chunks();
  }
  const Outcome& outcome() const { return outcome_; }

 private:
  bool refuse(const std::string& why) {
    require(!why.empty() && why.size() < 500 && is_utf8(why), "a refusal says why");
    outcome_ = Outcome();
    outcome_.refused = true;
    return false;
  }
  bool take_head() {
    const auto taken = parser_.parse_head(bytes_of(held_));
    if (!taken) return refuse(taken.error());
    require(*taken <= held_.size(), "a parser takes what is there");
    held_.erase(0, *taken);
    if (!parser_.head_done()) return true;
    outcome_.head = true;
    outcome_.status = parser_.status();
    net::ResponseHead head = parser_.take_head();
    if (parser_.has_body() && parser_.framing() == net::Framing::length)
      require(head.content_length == parser_.content_length(), "there is one length");
    outcome_.headers = std::move(head.headers);
    outcome_.chunked = parser_.has_body() && parser_.framing() == net::Framing::chunked;
    return true;
  }
  bool take_chunks() {
    std::vector<std::byte> into(room_);
    for (;;) {
      const auto step = parser_.parse_chunks(bytes_of(held_), into);
      if (!step) return refuse(step.error());
      require(step->taken <= held_.size() && step->produced <= into.size(),
              "a parser takes and gives what there is room for");
      held_.erase(0, step->taken);
      outcome_.body.append(reinterpret_cast<const char*>(into.data()), step->produced);
      outcome_.done = step->done;
      if (step->done) return false;
      if (!step->full) return true;
    }
  }

  net::AnswerParser parser_;
  const std::size_t room_;
  std::string held_;
  Outcome outcome_;
};

Outcome read(std::string_view stream, bool to_head, std::uint8_t cuts, std::size_t room) {
  Reader reader(to_head, room);
  for (Pieces pieces(stream, cuts); !pieces.done();) {
    if (!reader.take(pieces.next())) break;
  }
  return reader.outcome();
}

void run(std::string_view input) {
  Choices choices(input);
  const bool to_head = choices.flag();
  const std::uint8_t cuts = choices.byte();
  const std::size_t room = 1 + choices.byte();
  const std::string_view stream = choices.rest();
  const Outcome whole = read(stream, to_head, 0, 64 * 1024);
  require(whole.body.size() <= stream.size(), "a body is no longer than what came");
  for (const std::uint8_t other : {cuts, std::uint8_t{1}}) {
    const Outcome cut = read(stream, to_head, other, room);
    // What is wrong and never ends is refused at once when it comes in one piece, and waited for
    // when it does not: a head, or the line of a chunk.
    const bool early = whole.refused && !cut.refused && (!cut.head || (cut.chunked && !cut.done));
    require(cut == whole || early, "cuts change nothing");
  }
}

const Registration registration({"http_answer", 4 * 1024, run});

}  // namespace
}  // namespace restored::fuzz
