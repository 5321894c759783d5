// What followers of an operation are told, and when: control/event.h by itself.
#include "control/event.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace restored::control {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class EventTest : public testing::Test {
 protected:
  EventTest() {
    view_.id = OperationId("o1");
    view_.phase = Phase::fetch;
    view_.bytes_total = 100;
  }
  Follower follower(std::string_view after = {}, EventForm form = EventForm::ndjson) const {
    return {form, after, {seconds(1), seconds(15)}, render, at(milliseconds(0))};
  }
  static std::string render(const OperationView& view) {
    return "{\"bytesDone\":" + std::to_string(view.bytes_done) + "}";
  }
  static EventTime at(milliseconds time) { return EventTime() + std::chrono::hours(1) + time; }
  // The type of what is sent at this time; empty: nothing.
  std::string take(Follower& follower, milliseconds time) const {
    const Told told = told_by(view_);
    const bool ready = follower.ready(view_, told, at(time));
    const std::string line = follower.take(view_, told, at(time));
    EXPECT_EQ(ready, !line.empty());
    if (line.empty()) return {};
    EXPECT_TRUE(line.ends_with('\n'));
    return std::string(boost::json::parse(line).at("type").as_string());
  }

  OperationView view_;
};

TEST_F(EventTest, TheFirstOneTellsTheStateOfNowAndIsToldOnce) {
  Follower one = follower();
  EXPECT_EQ(take(one, milliseconds(0)), "state");
  EXPECT_EQ(take(one, milliseconds(1)), "");
  EXPECT_EQ(take(one, seconds(14)), "");
}

TEST_F(EventTest, EveryChangeOfStateIsToldAtOnce) {
  Follower one = follower();
  take(one, milliseconds(0));
  const std::vector<std::function<void()>> changes{
      [&] { view_.phase = Phase::verify; },
      [&] { view_.attempts = 2; },
      [&] { view_.waiting_on = "the object store"; },
      [&] { view_.waiting_since = 7; },
      [&] { view_.waiting_attempts = 3; },
      [&] { view_.waiting_on.clear(); },
      [&] { view_.may_cancel = true; },
      [&] { view_.bandwidth_bytes_per_second = 65536; },
      [&] { view_.queue_position = 1; },
      [&] { view_.held_until = 9; },
      [&] { view_.hooks.emplace_back(); },
  };
  for (std::size_t index = 0; index < changes.size(); ++index) {
    changes[index]();
    EXPECT_EQ(take(one, milliseconds(index + 1)), "state") << index;
    EXPECT_EQ(take(one, milliseconds(index + 1)), "") << index;
  }
}

TEST_F(EventTest, ProgressIsToldOnceASecondAndAlwaysWithTheFiguresOfThen) {
  Follower one = follower({}, EventForm::server_sent);
  EXPECT_TRUE(one.take(view_, told_by(view_), at(milliseconds(0))).starts_with("event: state\n"));
  int told = 0;
  for (int step = 1; step <= 100; ++step) {  // ten seconds
    view_.bytes_done = static_cast<std::uint64_t>(step);
    const std::string event = one.take(view_, told_by(view_), at(milliseconds(step * 100)));
    if (event.empty()) continue;
    ++told;
    EXPECT_TRUE(event.starts_with("event: progress\nid: ")) << event;
    EXPECT_TRUE(event.ends_with("\ndata: {\"bytesDone\":" + std::to_string(step) + "}\n\n"))
        << event;
  }
  EXPECT_EQ(told, 10);
}

TEST_F(EventTest, SilenceIsBrokenByHeartbeatsHoweverOftenItIsLookedAt) {
  Follower one = follower();
  take(one, milliseconds(0));
  std::vector<int> beats;
  for (int tenth = 1; tenth <= 460; ++tenth) {
    const std::string type = take(one, milliseconds(tenth * 100));
    if (!type.empty()) {
      EXPECT_EQ(type, "heartbeat");
      beats.push_back(tenth);
    }
  }
  EXPECT_EQ(beats, (std::vector{150, 300, 450}));
}

TEST_F(EventTest, AnEventPutsTheNextHeartbeatOff) {
  Follower one = follower();
  take(one, milliseconds(0));
  view_.phase = Phase::verify;
  EXPECT_EQ(take(one, seconds(10)), "state");
  EXPECT_EQ(take(one, milliseconds(24'999)), "");
  EXPECT_EQ(take(one, seconds(25)), "heartbeat");
}

TEST_F(EventTest, TheEndIsToldOnceAndNothingAfterIt) {
  Follower one = follower();
  take(one, milliseconds(0));
  view_.state = OperationState::failed;
  view_.phase = Phase::verify;
  EXPECT_EQ(take(one, milliseconds(5)), "end");
  EXPECT_TRUE(one.ended());
  EXPECT_EQ(take(one, seconds(60)), "");
  Follower again = follower(event_id(told_by(view_)));
  EXPECT_EQ(take(again, milliseconds(0)), "end") << "who knows it hears it once more";
}

TEST_F(EventTest, WhoComesBackHearsWhatHasChangedAndNothingElse) {
  const std::string known = event_id(told_by(view_));
  Follower same = follower(known);
  EXPECT_EQ(take(same, milliseconds(0)), "");
  view_.bytes_done = 5;
  Follower further = follower(known);
  EXPECT_EQ(take(further, milliseconds(0)), "progress") << "no second to wait for";
  view_.attempts = 2;
  Follower restarted = follower(known);
  EXPECT_EQ(take(restarted, milliseconds(0)), "state");
  OperationView other = view_;
  other.id = OperationId("o2");
  Follower elsewhere = follower(event_id(told_by(other)));
  EXPECT_EQ(take(elsewhere, milliseconds(0)), "state") << "an id of another operation's";
}

TEST_F(EventTest, IdsAreReadBackAndAnythingElseIsNone) {
  const Told told = told_by(view_);
  EXPECT_EQ(parsed_event_id(event_id(told)), told);
  EXPECT_EQ(event_id({1, 0xabc}), "0000000000000001-0000000000000abc");
  for (const char* text :
       {"", "-", "1-2", "000000000000000g-0000000000000abc", "17",
        "0000000000000001_0000000000000abc", "0000000000000001-0000000000000abc0",
        "+000000000000001-00000000000000ab"}) {
    EXPECT_FALSE(parsed_event_id(text)) << text;
  }
}

}  // namespace
}  // namespace restored::control
