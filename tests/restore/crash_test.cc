// An engine that is killed at every named step, one after the other, and opened again: one whole
// content, what was acknowledged is there, and nothing is left over. The child process is this
// program itself, started anew, so that it dies with all its threads and shares none with us.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/kill_point.h"
#include "catalog/undo_time.h"
#include "restored/limits.h"
#include "schedule_policy.h"
#include "support/shifted_clock.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"
#include "test_host.h"
#include "watched_store.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

constexpr std::chrono::hours days(int count) {
  return std::chrono::hours(24 * count);
}

// Two runs of a schedule that keeps one backup, an agent's start before each.
void back_up_by_schedule(TestHost& host, ShiftedClock& clock, const DatabaseId& id) {
  host.options.backups.keep_days = 0;
  host.options.backups.keep_count = 1;
  ASSERT_TRUE(host.engine().set_daily_backup(id, true));
  for (int run = 0; run < 2; ++run) {
    host.close();
    clock.advance(days(2));
    host.open();
    for (const OperationView& view : host.engine().operations()) host.wait(view.id);
    ASSERT_TRUE(wait_until([&] {
      const DatabaseSchedule now = host.engine().schedule(id).value();
      return !now.operation && *now.next_at > clock.wall();
    }));
  }
  ASSERT_TRUE(wait_until([&] {
    const std::vector<BackupInfo> backups = host.engine().backups(id).value();
    return std::ranges::count_if(backups, [](const auto& info) { return info.scheduled; }) == 1;
  }));
}

// In two phases: it holds, and swaps when it is told to.
OperationView held_restore(TestHost& host, const DatabaseId& target, const BackupId& backup) {
  RestoreRequest request{target, {}, backup, "test"};
  request.hold = true;
  const OperationId id = host.engine().start_restore(request).value().id;
  EXPECT_TRUE(wait_until([&] { return host.engine().operation(id)->phase == Phase::staged; }));
  EXPECT_TRUE(host.engine().commit_operation(id));
  return host.wait(id);
}

// The child's part: acts on the databases that its parent made, and says what was acknowledged.
TEST(CrashChild, DISABLED_Acts) {
  const std::string directory = environment("RESTORED_TEST_DIRECTORY");
  ASSERT_FALSE(directory.empty()) << "only as a child of the tests below";
  TestHost host(directory + "/state", directory + "/repository");
  const DatabaseId target(environment("RESTORED_TEST_TARGET"));
  const BackupId backup(environment("RESTORED_TEST_BACKUP"));
  ShiftedClock clock;
  host.seams.clock = &clock;
  host.options.backups = due_in(std::chrono::hours(12));
  std::ofstream acknowledged(directory + "/acknowledged");
  const auto acknowledge = [&] { acknowledged << "1" << std::flush; };
  host.open();
  // What an earlier child has left goes on, perhaps to this one's end.
  for (const OperationView& view : host.engine().operations()) host.wait(view.id);
  ASSERT_EQ(host.restore(target, backup).state, OperationState::succeeded);
  acknowledge();
  ASSERT_TRUE(host.engine().start_undo(target, "test"));
  acknowledge();
  host.back_up(target);
  acknowledge();
  ASSERT_EQ(host.restore(target, backup).state, OperationState::succeeded);
  acknowledge();
  CreateDatabase request;
  request.name = "copy";
  request.from_backup = SourceBackup{{}, backup};
  const CreatedDatabase copy = host.engine().create_database(request, "test").value();
  ASSERT_EQ(host.wait(*copy.operation).state, OperationState::succeeded);
  acknowledge();
  ASSERT_TRUE(host.engine().remove_database(copy.info.id));
  acknowledge();
  request.from_backup.reset();
  request.from_database = SourceDatabase{target};
  const CreatedDatabase clone = host.engine().create_database(request, "test").value();
  ASSERT_EQ(host.wait(*clone.operation).state, OperationState::succeeded);
  ASSERT_TRUE(host.engine().remove_database(clone.info.id));
  acknowledge();
  for (int time = 0; time < 2; ++time) {
    ASSERT_EQ(held_restore(host, target, backup).state, OperationState::succeeded);
    acknowledge();
  }
  ASSERT_TRUE(host.engine().keyspace(target)->replace_all({}, nullptr));
  acknowledge();
  back_up_by_schedule(host, clock, target);
  host.close();
  // Two days later: the previous generation's time is over.
  clock.advance(days(2));
  host.open();
  clock.advance(catalog::undo_time_checked_again);
  ASSERT_TRUE(
      wait_until([&] { return !host.engine().database(target)->previous_generation.has_value(); }));
  host.close();
}

class CrashTest : public ::testing::TestWithParam<std::string> {
 protected:
  CrashTest() : host_(directory_.file("state"), directory_.file("repository")) {
    host_.options.backups = due_in(std::chrono::hours(12));
    host_.open();
    source_ = host_.make_database("source");
    for (int i = 0; i < 3; ++i) {  // three files: each backup flushes
      host_.put(source_, records("new" + std::to_string(i), 60, static_cast<unsigned>(i)));
      backup_ = host_.back_up(source_);
    }
    new_ = host_.content(source_);
    target_ = host_.make_database("target");
    old_ = records("old:", 80, 9);
    host_.put(target_, old_);
    host_.close();
  }

  // How the child ended, and after how many acknowledged steps.
  struct Ended {
    int status = 0;
    std::size_t acknowledged = 0;
  };
  Ended run_child(const std::string& kill_point) {
    std::vector<std::string> variables = {
        "RESTORED_TEST_DIRECTORY=" + directory_.path(), "RESTORED_TEST_TARGET=" + target_.value,
        "RESTORED_TEST_BACKUP=" + backup_.value, "RESTORED_KILL_POINT=" + kill_point};
    for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "TMPDIR"}) {
      if (std::getenv(name) != nullptr) {
        variables.push_back(std::string(name) + "=" + environment(name));
      }
    }
    std::vector<std::string> arguments = {"crash_test", "--gtest_also_run_disabled_tests",
                                          "--gtest_filter=CrashChild.DISABLED_Acts"};
    const auto pointers = [](std::vector<std::string>& texts) {
      std::vector<char*> all;
      for (std::string& text : texts) all.push_back(text.data());
      all.push_back(nullptr);
      return all;
    };
    const std::string log = directory_.file("child.log");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    pid_t child = 0;
    const int spawned = posix_spawn(&child, "/proc/self/exe", &actions, nullptr,
                                    pointers(arguments).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    EXPECT_EQ(spawned, 0);
    Ended ended;
    const bool exited =
        wait_until([&] { return ::waitpid(child, &ended.status, WNOHANG) == child; },
                   std::chrono::seconds(100));
    EXPECT_TRUE(exited) << kill_point;
    if (!exited) {
      ::kill(child, SIGKILL);
      ::waitpid(child, &ended.status, 0);
    }
    if (fs::exists(directory_.file("acknowledged"))) {
      ended.acknowledged = read_whole_file(directory_.file("acknowledged")).size();
    }
    return ended;
  }

  void expect_operations_ended() {
    for (const OperationView& view : host_.engine().operations()) {
      if (view.held_until) {
        EXPECT_TRUE(host_.engine().commit_operation(view.id));
      }
      const OperationView ended = host_.wait(view.id);
      if (ended.state == OperationState::failed) {
        ASSERT_TRUE(ended.error.has_value());
        EXPECT_FALSE(ended.error->message.empty());
      }
    }
  }

  // Every database is whole and served, and the disk holds only what is named.
  void expect_nothing_left_over() {
    std::size_t known = 0;
    for (const DatabaseInfo& info : host_.engine().databases()) {
      ++known;
      EXPECT_EQ(info.status, DatabaseStatus::ready) << info.name;
      EXPECT_TRUE(host_.staged_files(info.id).empty()) << info.name;
    }
    std::size_t found = 0;
    for (const auto& entry : fs::directory_iterator(host_.state_directory() + "/databases")) {
      found += entry.is_directory() ? 1 : 0;
    }
    EXPECT_EQ(found, known) << "a directory without a database";
  }

  // The closed instance's SST files are those of its live and its previous generation.
  void expect_no_stray_files(const DatabaseId& id) {
    const std::string directory = host_.state_directory() + "/databases/" + id.value;
    const auto shared = catalog::SharedResources::make(8 * kMiB);
    catalog::OpenOptions options;
    options.directory = directory;
    options.shared = shared.get();
    options.undo_seconds = 3600;
    auto database = catalog::Database::open(options);
    ASSERT_TRUE(database) << database.error().message;
    // The catalog's own column family has files too, all of them smaller than any content here.
    constexpr std::uint64_t content_bytes_min = 5000;
    std::multiset<std::uint64_t> named;
    const Result<std::vector<catalog::LocalFile>> files = (*database)->local_files();
    ASSERT_TRUE(files);
    for (const catalog::LocalFile& file : *files) named.insert(file.facts.size_bytes);
    ASSERT_TRUE((*database)->close());
    std::multiset<std::uint64_t> found;
    for (const auto& entry : fs::directory_iterator(directory)) {
      if (entry.path().extension() != ".sst" || entry.file_size() < content_bytes_min) continue;
      found.insert(entry.file_size());
    }
    EXPECT_EQ(found, named);
  }

  const TemporaryDirectory directory_{memory_directory()};
  TestHost host_;
  DatabaseId source_;
  DatabaseId target_;
  BackupId backup_;
  Content new_;
  Content old_;
};

TEST_P(CrashTest, LeavesOneWholeContentAndNothingElse) {
  const Ended ended = run_child(GetParam());
  ASSERT_TRUE(WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGKILL)
      << GetParam() << " is not reached:\n"
      << read_whole_file(directory_.file("child.log"));
  const std::vector<Content> after = {old_, new_, old_, old_, new_, new_,
                                      new_, new_, new_, new_, {}};
  const Content before_step = after.at(ended.acknowledged);
  const Content after_step = after.at(std::min(ended.acknowledged + 1, after.size() - 1));

  for (int opening = 0; opening < 2; ++opening) {
    host_.open();
    expect_operations_ended();
    const Content content = host_.content(target_);
    EXPECT_TRUE(content == before_step || content == after_step)
        << GetParam() << " after " << ended.acknowledged << " steps: " << content.size()
        << " records";
    EXPECT_EQ(host_.content(source_), new_);
    expect_nothing_left_over();
    host_.close();
    expect_no_stray_files(target_);
  }
  host_.open();
  EXPECT_EQ(host_.restore(target_, backup_).state, OperationState::succeeded);
  EXPECT_EQ(host_.content(target_), new_);
  host_.close();
}

std::vector<std::string> places() {
  std::vector<std::string> places;
  for (const std::string_view name : kill_points()) {
    // No engine passes there.
    if (name.starts_with("agent.") || name.starts_with("control.")) continue;
    places.emplace_back(name);
    // The second restore differs: it links local files and retires a generation.
    if (name.starts_with("restore.run.") || name.starts_with("catalog.swap.")) {
      places.push_back(std::string(name) + ":2");
    }
  }
  return places;
}

INSTANTIATE_TEST_SUITE_P(AtEveryNamedStep, CrashTest, ::testing::ValuesIn(places()),
                         [](const auto& name) {
                           std::string word = name.param;
                           std::ranges::replace_if(
                               word, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
                           return word;
                         });

class ResumeTest : public CrashTest {};

TEST_F(ResumeTest, FetchesOnlyTheFilesThatTheJournalDoesNotName) {
  const Ended ended = run_child("restore.run.after-span:2");
  ASSERT_TRUE(WIFSIGNALED(ended.status));
  StoreWatch watch;
  host_.seams.wrap_store = watch.wrap();
  host_.open();
  const OperationView view = host_.wait(host_.engine().operations().front().id);
  EXPECT_EQ(view.kind, OperationKind::restore);
  EXPECT_EQ(view.state, OperationState::succeeded);
  EXPECT_EQ(view.attempts, 2u);
  EXPECT_EQ(view.files_total, 3u);
  EXPECT_EQ(watch.keys("read").size(), 1u) << "two of three files were on the disk";
  EXPECT_GT(view.bytes_reused, 0u);
  EXPECT_LT(view.bytes_reused, view.bytes_total);
  EXPECT_EQ(view.bytes_done, view.bytes_total);
  EXPECT_EQ(host_.content(target_), new_);
  host_.close();
}

TEST_F(ResumeTest, DoesNotTrustAJournalledFileThatIsNotWhatItWas) {
  const Ended ended = run_child("restore.run.after-span:2");
  ASSERT_TRUE(WIFSIGNALED(ended.status));
  int damaged = 0;
  for (const std::string& path : host_.staged_files(target_)) {
    if (!path.ends_with(".sst") || fs::file_size(path) < 1000) continue;
    std::string bytes = read_whole_file(path);
    bytes[500] = static_cast<char>(bytes[500] ^ 1);
    write_file(path, bytes);
    ++damaged;
  }
  ASSERT_GE(damaged, 2);
  StoreWatch watch;
  host_.seams.wrap_store = watch.wrap();
  host_.open();
  const OperationView view = host_.wait(host_.engine().operations().front().id);
  EXPECT_EQ(view.state, OperationState::succeeded);
  EXPECT_EQ(watch.keys("read").size(), 3u);
  EXPECT_EQ(host_.content(target_), new_);
  host_.close();
}

TEST_F(ResumeTest, GivesUpARestoreThatKillsItsAgentEveryTime) {
  for (unsigned attempt = 1; attempt <= limits::restore_attempts_max; ++attempt) {
    const Ended ended = run_child("restore.run.after-fetch");
    ASSERT_TRUE(WIFSIGNALED(ended.status)) << "attempt " << attempt << ":\n"
                                           << read_whole_file(directory_.file("child.log"));
  }
  host_.open();
  const OperationView view = host_.wait(host_.engine().operations().front().id);
  EXPECT_EQ(view.state, OperationState::failed);
  EXPECT_EQ(view.attempts, limits::restore_attempts_max);
  EXPECT_FALSE(view.error->hint.empty());
  EXPECT_EQ(host_.content(target_), old_);
  expect_nothing_left_over();
  host_.close();
}

TEST_F(ResumeTest, FailsCleanlyWhenItsBackupIsGoneMeanwhile) {
  const Ended ended = run_child("restore.run.after-span");
  ASSERT_TRUE(WIFSIGNALED(ended.status));
  fs::remove_all(directory_.file("repository/backups/" + backup_.value));
  host_.open();
  const OperationView view = host_.wait(host_.engine().operations().front().id);
  EXPECT_EQ(view.state, OperationState::failed);
  EXPECT_EQ(view.error->code, ErrorCode::backup_not_found);
  EXPECT_EQ(host_.content(target_), old_);
  EXPECT_TRUE(host_.staged_files(target_).empty());
  EXPECT_EQ(host_.engine().database(target_)->status, DatabaseStatus::ready);
  host_.close();
}

}  // namespace
}  // namespace restored::test
