// Descriptors, clock, random, hex, log, checks, error table, names, thread priority.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <set>
#include <thread>

#include "base/check.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/random.h"
#include "base/thread_priority.h"
#include "base/unique_fd.h"
#include "restored/engine.h"
#include "restored/error.h"
#include "restored/operation.h"

namespace restored {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}
UniqueFd open_null() {
  return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST(UniqueFdTest, MoveLeavesTheSourceEmpty) {
  UniqueFd first = open_null();
  const int fd = first.get();
  const UniqueFd second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_EQ(second.get(), fd);
  EXPECT_TRUE(is_open(fd));
}

TEST(UniqueFdTest, MoveAssignOverAHeldOneClosesIt) {
  UniqueFd first = open_null();
  UniqueFd second = open_null();
  const int lost = second.get();
  const int kept = first.get();
  second = std::move(first);
  EXPECT_FALSE(is_open(lost));
  EXPECT_TRUE(is_open(kept));
  EXPECT_EQ(second.get(), kept);
}

TEST(UniqueFdTest, SelfMoveKeepsIt) {
  UniqueFd fd = open_null();
  const int number = fd.get();
  UniqueFd& same = fd;
  fd = std::move(same);
  EXPECT_EQ(fd.get(), number);
  EXPECT_TRUE(is_open(number));
}

TEST(UniqueFdTest, DestructorClosesAndReleaseDoesNot) {
  int closed = -1;
  int released = -1;
  {
    UniqueFd first = open_null();
    UniqueFd second = open_null();
    closed = first.get();
    released = second.release();
  }
  EXPECT_FALSE(is_open(closed));
  EXPECT_TRUE(is_open(released));
  ::close(released);
}

TEST(ClockTest, Iso8601IsUtcWithMilliseconds) {
  EXPECT_EQ(iso8601(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(iso8601(1'795'308'972'345), "2026-11-22T00:56:12.345Z");
  EXPECT_EQ(iso8601(951'782'400'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(iso8601(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(iso8601(std::numeric_limits<UnixMillis>::max()), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(iso8601(std::numeric_limits<UnixMillis>::min()), "0001-01-01T00:00:00.000Z");
}

TEST(ClockTest, SystemClockIsNow) {
  const auto before = std::chrono::system_clock::now().time_since_epoch();
  const UnixMillis now = system_clock().wall();
  EXPECT_GE(now, std::chrono::duration_cast<std::chrono::milliseconds>(before).count());
  const auto earlier = std::chrono::steady_clock::now();
  const auto later = system_clock().monotonic();
  EXPECT_LE(earlier, later);
}

TEST(RandomTest, IdsAreOfTheirAlphabetAndDiffer) {
  std::set<std::string> ids;
  std::set<char> first_characters;
  for (int round = 0; round < 2000; ++round) {
    const std::string id = random_id();
    ASSERT_EQ(id.size(), 24u);
    ASSERT_EQ(id.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789"), std::string::npos);
    first_characters.insert(id.front());
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 2000u);
  EXPECT_EQ(first_characters.size(), 26u) << "each letter begins some, no digit does";
  EXPECT_FALSE(first_characters.contains('0'));
  EXPECT_EQ(random_id(1).size(), 1u);
}

TEST(RandomTest, SecretsAreBase64UrlOfTheirBytes) {
  std::set<std::string> secrets;
  for (std::size_t bytes = 0; bytes < 40; ++bytes) {
    const std::string secret = random_secret(bytes);
    EXPECT_EQ(secret.size(), (bytes * 4 + 2) / 3);
    EXPECT_EQ(secret.find_first_not_of(
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
  }
  EXPECT_EQ(random_secret().size(), 43u);
  for (int round = 0; round < 100; ++round) secrets.insert(random_secret());
  EXPECT_EQ(secrets.size(), 100u);
  EXPECT_NE(random_u64(), random_u64());
}

TEST(HexTest, AllBytesComeBack) {
  std::string bytes;
  for (int value = 0; value < 256; ++value) bytes.push_back(static_cast<char>(value));
  const std::string text = to_hex(bytes);
  EXPECT_EQ(text.substr(0, 8), "00010203");
  EXPECT_EQ(text.substr(text.size() - 4), "feff");
  EXPECT_EQ(from_hex(text), bytes);
  EXPECT_EQ(from_hex("FF"), "\xff");
  EXPECT_EQ(from_hex(""), "");
}

TEST(HexTest, OddOrForeignTextIsNothing) {
  for (const auto* text : {"0", "0g", "g0", "00 1", "0x00"}) EXPECT_FALSE(from_hex(text)) << text;
}

TEST(LogTest, LineIsLogfmt) {
  EXPECT_EQ(log::line(0, log::Level::info, "restore", "fetched files=12"),
            "ts=1970-01-01T00:00:00.000Z level=info area=restore msg=\"fetched files=12\"");
}

TEST(LogTest, MessageCannotForgeALineOrAField) {
  EXPECT_EQ(log::line(0, log::Level::error, "io", "a\" level=info\nts=\r\t\\ \x01\x7f\xc3\xa9"),
            "ts=1970-01-01T00:00:00.000Z level=error area=io "
            "msg=\"a\\\" level=info\\nts=\\r\\t\\\\ \\x01\\x7f\xc3\xa9\"");
}

TEST(LogTest, LevelsBelowTheSetOneAreSilent) {
  testing::internal::CaptureStderr();
  log::set_level(log::Level::warning);
  log::info("test", "not seen {}", 1);
  log::warning("test", "seen {}", 2);
  log::set_level(log::Level::info);
  log::debug("test", "not seen {}", 3);
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(text.find("not seen"), std::string::npos);
  EXPECT_NE(text.find("level=warning area=test msg=\"seen 2\"\n"), std::string::npos);
  EXPECT_EQ(log::level_from("debug"), log::Level::debug);
  EXPECT_EQ(log::level_from("warn"), log::Level::warning);
  EXPECT_FALSE(log::level_from("loud").has_value());
}

TEST(CheckDeathTest, FailedCheckNamesConditionPlaceAndReason) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(RESTORED_CHECK(1 + 1 == 3, "sums add up"),
               "1 \\+ 1 == 3.*small_parts_test.cc:[0-9]+: sums add up");
}

TEST(ErrorTableTest, NumbersAreUniqueAndRowsComplete) {
  constexpr std::pair<ErrorCode, std::string_view> rows[] = {
#define RESTORED_ERROR(code, number, wire, http, exit, retry, hint) {ErrorCode::code, #code},
#include "restored/error_codes.def"
#undef RESTORED_ERROR
  };
  std::set<ErrorCode> codes;
  for (const auto& [code, identifier] : rows) {
    const ErrorFacts& row = facts(code);
    EXPECT_TRUE(codes.insert(code).second) << identifier << " has a number that is taken";
    EXPECT_EQ(row.name, identifier);
    EXPECT_GE(row.http_status, 400) << identifier;
    EXPECT_LT(row.http_status, 600) << identifier;
    EXPECT_GE(row.exit_status, 64) << identifier;
    EXPECT_LE(row.exit_status, 78) << identifier;
    EXPECT_EQ(row.wire.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos);
  }
}

TEST(ErrorTest, HintIsTheErrorsOwnOrElseTheTables) {
  const Error plain{ErrorCode::no_space, "write", ""};
  EXPECT_EQ(plain.hint_text(), facts(ErrorCode::no_space).hint);
  const Error own = context("frame 3", Error{ErrorCode::no_space, "write", "buy a disk"});
  EXPECT_EQ(own.hint_text(), "buy a disk");
  EXPECT_EQ(own.message, "frame 3: write");
}

TEST(NamesTest, EveryNameReadsBackAsItsValue) {
  for (const auto kind : {OperationKind::backup, OperationKind::restore, OperationKind::undo,
                          OperationKind::verify}) {
    EXPECT_EQ(operation_kind(name(kind)), kind);
  }
  for (const auto state : {OperationState::running, OperationState::succeeded,
                           OperationState::failed, OperationState::cancelled}) {
    EXPECT_EQ(operation_state(name(state)), state);
  }
  std::set<std::string_view> names;
  for (int value = 0; value <= static_cast<int>(Phase::done); ++value) {
    const auto each = static_cast<Phase>(value);
    EXPECT_EQ(phase(name(each)), each);
    names.insert(name(each));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Phase::done) + 1);
  EXPECT_EQ(name(Phase::export_files), "export");
  EXPECT_FALSE(phase("Fetch").has_value());
  EXPECT_FALSE(operation_kind("").has_value());
  EXPECT_FALSE(operation_state("done").has_value());
  EXPECT_EQ(name(DatabaseStatus::recovering), "recovering");
  EXPECT_EQ(name(BackupStatus::completed), "completed");
}

TEST(ThreadPriorityTest, BackgroundThreadIsNamedAndLowered) {
  int nice = 0;
  char kept[16] = {};
  std::thread thread([&] {
    enter_background_thread("a-name-that-is-too-long");
    nice = ::getpriority(PRIO_PROCESS, 0);
    pthread_getname_np(pthread_self(), kept, sizeof kept);
  });
  thread.join();
  EXPECT_GE(nice, 10);
  EXPECT_STREQ(kept, "a-name-that-is-");
  EXPECT_LT(::getpriority(PRIO_PROCESS, 0), nice) << "this thread keeps its own";
}

}  // namespace
}  // namespace restored
