// Names: what is believed, for how long, and that nobody waits for a resolver that does not answer.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "client_fixture.h"
#include "net/address_choice.h"
#include "net/name_resolver.h"
#include "restored/limits.h"
#include "support/wait_until.h"

namespace restored::net_test {
namespace {

using net::Address;
using net::AddressChoice;
using net::NameResolver;

class TestClock final : public Clock {
 public:
  UnixMillis wall() const override { return 0; }
  std::chrono::steady_clock::time_point monotonic() const override { return time_.load(); }
  void advance(std::chrono::seconds by) { time_ = time_.load() + by; }

 private:
  std::atomic<std::chrono::steady_clock::time_point> time_{std::chrono::steady_clock::now()};
};

Address address(const std::string& text) {
  return net::literal_address(text, 80).at(0);
}

net::Time soon() {
  return net::now() + 10s;
}

TEST(NameResolverTest, AddressesAndLocalhostNeedNoLookup) {
  const auto never = [](const std::string&, std::uint16_t) -> NameResolver::Found {
    ADD_FAILURE() << "looked up";
    return std::unexpected(Failure{});
  };
  EXPECT_EQ(NameResolver("10.0.0.7", 80, never).get({}, soon())->at(0).text(), "10.0.0.7");
  EXPECT_EQ(NameResolver("::1", 80, never).get({}, soon())->at(0).text(), "::1");
  EXPECT_EQ(NameResolver("b.localhost", 80, never).get({}, soon())->at(0).text(), "127.0.0.1");
  EXPECT_EQ(NameResolver("localhost", 80, never).get({}, soon())->at(0).text(), "127.0.0.1");
}

TEST(NameResolverTest, AnAnswerIsBelievedForItsTime) {
  TestClock clock;
  std::atomic<int> lookups = 0;
  NameResolver resolver(
      "store.test", 80,
      [&](const std::string& host, std::uint16_t) -> NameResolver::Found {
        EXPECT_EQ(host, "store.test");
        return std::vector{address(++lookups == 1 ? "10.0.0.1" : "10.0.0.2")};
      },
      clock);
  EXPECT_EQ(resolver.get({}, soon())->at(0).text(), "10.0.0.1");
  clock.advance(std::chrono::seconds(limits::store_name_seconds - 1));
  EXPECT_EQ(resolver.get({}, soon())->at(0).text(), "10.0.0.1");
  clock.advance(2s);
  EXPECT_EQ(resolver.get({}, soon())->at(0).text(), "10.0.0.2");
  EXPECT_EQ(lookups, 2);
}

TEST(NameResolverTest, AnOldAnswerStandsWhileTheResolverIsOutOfOrder) {
  TestClock clock;
  std::atomic<int> lookups = 0;
  NameResolver resolver(
      "store.test", 80,
      [&](const std::string&, std::uint16_t) -> NameResolver::Found {
        switch (++lookups) {
          case 1:
            return std::vector{address("10.0.0.1")};
          case 2:
            return std::unexpected(Failure{Kind::name_unavailable, "out of order"});
          default:
            return std::unexpected(Failure{Kind::name_unknown, "gone"});
        }
      },
      clock);
  ASSERT_TRUE(resolver.get({}, soon()).has_value());
  clock.advance(60s);
  EXPECT_EQ(resolver.get({}, soon())->at(0).text(), "10.0.0.1");
  // Also when it says for a moment that there is no such name.
  EXPECT_EQ(resolver.get({}, soon())->at(0).text(), "10.0.0.1");
}

TEST(NameResolverTest, AFailureIsNotRemembered) {
  std::atomic<int> lookups = 0;
  NameResolver resolver("store.test", 80,
                        [&](const std::string&, std::uint16_t) -> NameResolver::Found {
                          if (++lookups == 1)
                            return std::unexpected(Failure{Kind::name_unavailable, "again"});
                          return std::vector{address("10.0.0.1")};
                        });
  EXPECT_EQ(resolver.get({}, soon()).error().kind, Kind::name_unavailable);
  EXPECT_TRUE(resolver.get({}, soon()).has_value());
}

class SlowResolverTest : public testing::Test {
 protected:
  ~SlowResolverTest() override { release_.set_value(); }

  std::promise<void> release_;
  std::shared_future<void> released_ = release_.get_future().share();
  std::atomic<int> lookups_ = 0;
  const NameResolver::Lookup lookup_ = [this](const std::string&,
                                              std::uint16_t) -> NameResolver::Found {
    ++lookups_;
    released_.wait();
    return std::vector{address("10.0.0.1")};
  };
};

TEST_F(SlowResolverTest, IsNotWaitedForBeyondTheTime) {
  auto resolver = std::make_unique<NameResolver>("store.test", 80, lookup_);
  const Stopwatch watch;
  const auto found = resolver->get({}, net::now() + 200ms);
  EXPECT_LT(watch.elapsed(), 2s);
  ASSERT_FALSE(found.has_value());
  EXPECT_EQ(found.error().kind, Kind::name_unavailable);
  release_.set_value();
  // What it says in the end will do for who comes next.
  EXPECT_EQ(resolver->get({}, soon())->at(0).text(), "10.0.0.1");
  EXPECT_EQ(lookups_, 1);
  release_ = {};
}

TEST_F(SlowResolverTest, IsNotWaitedForAfterAStop) {
  auto resolver = std::make_unique<NameResolver>("store.test", 80, lookup_);
  std::stop_source source;
  auto running = std::async(std::launch::async,
                            [&] { return resolver->get(source.get_token(), net::now() + 60s); });
  ASSERT_TRUE(test::wait_until([&] { return lookups_ == 1; }));
  const Stopwatch watch;
  source.request_stop();
  EXPECT_EQ(running.get().error().kind, Kind::cancelled);
  EXPECT_LT(watch.elapsed(), 1s);
  release_.set_value();
  resolver.reset();
  release_ = {};
}

// glibc gives up after ten seconds, when nobody who waits to connect is left.
TEST_F(SlowResolverTest, AnOldAnswerStandsWhileTheResolverHangs) {
  TestClock clock;
  std::atomic<bool> hangs = false;
  auto resolver = std::make_unique<NameResolver>(
      "store.test", 80,
      [&](const std::string& host, std::uint16_t port) -> NameResolver::Found {
        if (hangs) return lookup_(host, port);
        return std::vector{address("10.0.0.7")};
      },
      clock);
  const auto found = [&] {
    const auto addresses = resolver->get({}, net::now() + 5s);
    return addresses ? addresses->at(0).text() : addresses.error().message;
  };
  EXPECT_EQ(found(), "10.0.0.7");
  clock.advance(60s);
  hangs = true;
  const Stopwatch first;
  EXPECT_EQ(found(), "10.0.0.7");
  EXPECT_LT(first.elapsed(), 3s);
  // Those who come later wait no more for the same lookup.
  const Stopwatch later;
  for (int connection = 0; connection < 20; ++connection) EXPECT_EQ(found(), "10.0.0.7");
  EXPECT_LT(later.elapsed(), 2s);
  EXPECT_EQ(lookups_, 1);
  release_.set_value();
  EXPECT_TRUE(test::wait_until([&] { return found() == "10.0.0.1"; }));
  resolver.reset();
  release_ = {};
}

TEST(NameResolverTest, ANameThatDoesNotExistIsUnknown) {
  const auto answer = ask(*make_client(options_for(80, "restored-test.invalid")));
  ASSERT_FALSE(answer.has_value());
  if (answer.error().kind == Kind::name_unavailable) {
    GTEST_SKIP() << "this host has no resolver: " << answer.error().message;
  }
  expect_failure(answer, Kind::name_unknown,
                 "restored-test.invalid:80: the name cannot be resolved");
}

std::vector<std::string> texts(const std::vector<Address>& addresses) {
  std::vector<std::string> made;
  for (const Address& one : addresses) made.push_back(one.text());
  return made;
}

TEST(AddressChoiceTest, TakesTurnsAndPutsWhatFailedLast) {
  const std::vector<Address> all{address("10.0.0.1"), address("10.0.0.2"), address("10.0.0.3")};
  using Texts = std::vector<std::string>;
  AddressChoice choice;
  EXPECT_EQ(texts(choice.order(all)), (Texts{"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
  EXPECT_EQ(texts(choice.order(all)), (Texts{"10.0.0.2", "10.0.0.3", "10.0.0.1"}));
  choice.failed(address("10.0.0.3"));
  EXPECT_EQ(texts(choice.order(all)), (Texts{"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
  EXPECT_EQ(texts(choice.order(all)), (Texts{"10.0.0.1", "10.0.0.2", "10.0.0.3"}));
  EXPECT_EQ(texts(choice.order(all)), (Texts{"10.0.0.2", "10.0.0.1", "10.0.0.3"}));
}

}  // namespace
}  // namespace restored::net_test
