// What a check of a repository finds, and that it leaves nothing behind.
#include "store/repository_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "bent_store.h"
#include "file_store_fixture.h"
#include "restored/limits.h"
#include "support/shifted_clock.h"

namespace restored::store {
namespace {

class RepositoryCheckTest : public FileStoreTest {
 protected:
  RepositoryCheckTest() : store_(open()) {
    options_.size_bytes = check_size_bytes_min;
    options_.latency_reads = 20;
    options_.clock = &clock_;
  }

  CheckReport check(const StoreCall& call = {}) {
    told_.clear();
    return check_repository(store_, options_, call,
                            [&](const Finding& finding) { told_.push_back(finding.check); });
  }
  static const Finding& finding(const CheckReport& report, std::string_view check) {
    static const Finding none;
    const auto found = std::ranges::find(report.findings, check, &Finding::check);
    EXPECT_NE(found, report.findings.end()) << "no finding " << check;
    return found == report.findings.end() ? none : *found;
  }
  // Nothing of the check is on disk, but for what was there.
  void expect_clean(std::size_t files = 0) { EXPECT_EQ(files_on_disk().size(), files); }
  static Result<void> fails(std::string_view call, std::string_view wanted, ErrorCode code) {
    if (call != wanted) return {};
    return fail(code, "bent", "straighten it");
  }

  test::ShiftedClock clock_;
  CheckOptions options_;
  BentStore store_;
  std::vector<std::string> told_;
};

TEST_F(RepositoryCheckTest, AGoodStorePassesAndIsLeftAsItWas) {
  options_.size_bytes = 20 * kMiB;
  const CheckReport report = check();
  EXPECT_EQ(report.first_failure(), nullptr);
  const std::vector<std::string> all = {"reach",      "write",       "read",      "range",
                                        "list",       "clock",       "latency",   "multipart",
                                        "read-speed", "write-speed", "leftovers", "delete"};
  EXPECT_EQ(told_, all);
  for (const Finding& found : report.findings) {
    EXPECT_EQ(found.verdict, Verdict::ok) << found.check << ": " << found.message;
    EXPECT_FALSE(found.message.empty()) << found.check;
    EXPECT_TRUE(found.remedy.empty()) << found.check;
  }
  EXPECT_GT(report.measured.latency_median_millis, 0);
  EXPECT_GE(report.measured.latency_p99_millis, report.measured.latency_median_millis);
  EXPECT_GT(report.measured.read_bytes_per_second, 0);
  EXPECT_GE(report.measured.reads_in_flight, 1u);
  EXPECT_LE(report.measured.reads_in_flight, 4u);
  EXPECT_GT(report.measured.write_bytes_per_second, 0);
  EXPECT_LE(report.measured.writes_in_flight, 2u);
  EXPECT_GE(store_.turns, 3u) << "large reads take turns, as a restore's";
  expect_clean();
}

TEST_F(RepositoryCheckTest, ASizeThatIsNoWholeNumberOfPartsIsReadBackWhole) {
  for (const std::uint64_t size :
       {check_size_bytes_min, limits::upload_part_bytes, limits::upload_part_bytes + 1,
        3 * limits::upload_part_bytes - 7}) {
    options_.size_bytes = size;
    const CheckReport report = check();
    EXPECT_EQ(report.first_failure(), nullptr) << size;
  }
  expect_clean();
}

TEST_F(RepositoryCheckTest, ASecondOneBesideARepositoryTouchesNoneOfIt) {
  ASSERT_TRUE(store_.put("repository.json", bytes_of("{}"), {}));
  EXPECT_NE(finding(check(), "reach").message.find("a repository is there"), std::string::npos);
  expect_clean(1);
}

// Each call of the store that fails is one finding with the call's own code and remedy, the others
// go on, and nothing is left.
TEST_F(RepositoryCheckTest, APermissionThatIsMissingIsNamedAndTheOthersAreStillLookedAt) {
  const std::map<std::string, std::string> first = {{"get", "reach"},
                                                    {"put", "write"},
                                                    {"read", "range"},
                                                    {"list", "list"},
                                                    {"stat", "clock"},
                                                    {"upload", "multipart"},
                                                    {"remove_stale_uploads", "leftovers"}};
  for (const auto& [call, check_name] : first) {
    store_.before = [&wanted = call](std::string_view asked, std::string_view) {
      return fails(asked, wanted, ErrorCode::store_permission_denied);
    };
    const CheckReport report = check();
    ASSERT_NE(report.first_failure(), nullptr) << call;
    EXPECT_EQ(report.first_failure()->check, check_name) << call;
    EXPECT_EQ(report.first_failure()->code, ErrorCode::store_permission_denied);
    EXPECT_EQ(report.first_failure()->message, "bent");
    EXPECT_EQ(report.first_failure()->remedy, "straighten it");
    EXPECT_EQ(finding(report, "delete").verdict, Verdict::ok) << call;
    EXPECT_EQ(told_.back(), "delete");
    expect_clean();
  }
}

TEST_F(RepositoryCheckTest, AStoreThatIsNotThereEndsTheCheckAtOnce) {
  for (const ErrorCode code :
       {ErrorCode::object_store_unavailable, ErrorCode::store_misconfigured}) {
    store_.before = [code](std::string_view asked, std::string_view) {
      return fails(asked, "get", code);
    };
    const CheckReport report = check();
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_EQ(report.first_failure()->check, "reach");
    EXPECT_EQ(report.first_failure()->code, code);
  }
}

TEST_F(RepositoryCheckTest, AStoreThatGoesAwayHalfWayIsCleanedUpAllTheSame) {
  store_.before = [](std::string_view call, std::string_view key) -> Result<void> {
    if (key.ends_with("-large") && call == "read") {
      return fail(ErrorCode::object_store_unavailable, "gone");
    }
    return {};
  };
  const CheckReport report = check();
  EXPECT_EQ(report.first_failure()->check, "read-speed");
  EXPECT_EQ(told_.back(), "delete") << "and no step in between";
  expect_clean();
}

TEST_F(RepositoryCheckTest, ObjectsThatCannotBeRemovedAreNamed) {
  store_.before = [](std::string_view call, std::string_view) {
    return fails(call, "remove", ErrorCode::store_permission_denied);
  };
  const CheckReport report = check();
  EXPECT_EQ(report.first_failure()->check, "delete");
  EXPECT_NE(report.first_failure()->message.find("-small, check/"), std::string::npos)
      << report.first_failure()->message;
  EXPECT_NE(report.first_failure()->message.find("may be left"), std::string::npos);
}

TEST_F(RepositoryCheckTest, ARemovalThatIsOnlySaidToBeDoneIsFound) {
  store_.keep_removed = true;
  const CheckReport report = check();
  EXPECT_EQ(report.first_failure()->check, "delete");
  EXPECT_NE(report.first_failure()->remedy.find("versions"), std::string::npos);
}

TEST_F(RepositoryCheckTest, OneChangedByteIsFoundWhereverItIsRead) {
  const std::map<std::string, std::string> places = {{"-small", "read"}, {"-large", "read-speed"}};
  for (const auto& [key, check_name] : places) {
    store_.change_read = [&damaged = key](std::string_view read, std::span<std::byte> bytes) {
      if (read.ends_with(damaged) && !bytes.empty()) bytes[bytes.size() / 2] ^= std::byte{1};
    };
    const CheckReport report = check();
    ASSERT_NE(report.first_failure(), nullptr) << key;
    EXPECT_EQ(report.first_failure()->check, check_name);
    EXPECT_EQ(report.first_failure()->code, ErrorCode::corruption);
    expect_clean();
  }
}

TEST_F(RepositoryCheckTest, AListWithoutTheNewObjectIsFound) {
  store_.hide_from_lists = true;
  const CheckReport report = check();
  EXPECT_EQ(report.first_failure()->check, "list");
  EXPECT_NE(report.first_failure()->remedy.find("consistent"), std::string::npos);
}

TEST_F(RepositoryCheckTest, ClocksThatDifferAreAWarningThenAFailure) {
  const auto verdict = [&](std::chrono::seconds ahead) {
    store_.change_info = [ahead](ObjectInfo& info) {
      info.modified_unix_millis += ahead.count() * 1000;
    };
    const CheckReport report = check();
    expect_clean();
    return finding(report, "clock");
  };
  using std::chrono::seconds;
  EXPECT_EQ(verdict(seconds(3)).verdict, Verdict::ok);
  EXPECT_EQ(verdict(seconds(-3)).verdict, Verdict::ok);
  const Finding behind = verdict(seconds(60));
  EXPECT_EQ(behind.verdict, Verdict::warning);
  EXPECT_NE(behind.message.find("behind the store's"), std::string::npos) << behind.message;
  EXPECT_NE(behind.remedy.find("chrony"), std::string::npos);
  const Finding ahead = verdict(seconds(-60));
  EXPECT_EQ(ahead.verdict, Verdict::warning);
  EXPECT_NE(ahead.message.find("ahead of the store's"), std::string::npos) << ahead.message;
  const seconds limit(limits::store_clock_skew_seconds);
  EXPECT_EQ(verdict(limit + seconds(60)).verdict, Verdict::failed);
  EXPECT_EQ(verdict(-limit - seconds(60)).verdict, Verdict::failed);
  EXPECT_EQ(verdict(limit + seconds(60)).code, ErrorCode::store_misconfigured);
}

TEST_F(RepositoryCheckTest, WhatAKilledCheckLeftIsRemovedByALaterOne) {
  ASSERT_TRUE(store_.put("check/old-small", bytes_of("x"), {}));
  EXPECT_EQ(finding(check(), "leftovers").message, "none") << "it may be one that runs";
  expect_clean(1);
  clock_.advance(std::chrono::hours(2));
  store_.change_info = [&](ObjectInfo& info) { info.modified_unix_millis = clock_.wall(); };
  EXPECT_NE(finding(check(), "leftovers").message.find("1 objects"), std::string::npos);
  expect_clean();
}

TEST_F(RepositoryCheckTest, AStopEndsItSoonAndLeavesNothing) {
  std::stop_source stop;
  store_.before = [&](std::string_view call, std::string_view) -> Result<void> {
    if (call == "upload") stop.request_stop();
    return {};
  };
  const CheckReport report = check(StoreCall(stop.get_token()));
  EXPECT_EQ(report.first_failure()->check, "multipart");
  EXPECT_EQ(report.first_failure()->code, ErrorCode::cancelled);
  EXPECT_EQ(told_.back(), "delete");
  expect_clean();
}

}  // namespace
}  // namespace restored::store
