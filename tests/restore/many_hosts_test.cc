// Backups, removals, collections and restores of hosts that share a repository, at the same time.
#include "many_hosts.h"

#include <gmock/gmock.h>

#include <atomic>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

#include "call_gate.h"
#include "step_gate.h"

namespace restored::test {
namespace {

using testing::HasSubstr;

TEST_F(ManyHostsTest, DeletingABackupNeverBreaksAnotherHosts) {
  open_both();
  share("orders");
  const BackupId copied = second_.host.back_up(copy_);
  EXPECT_EQ(second_.host.engine().backup(copied)->uploaded_bytes, 0u) << "nothing is new";
  const std::set<std::string> objects = keys("objects/");
  ASSERT_TRUE(first_.host.engine().remove_backup(shared_));
  collect(first_.host);
  EXPECT_EQ(keys("objects/"), objects);
  expect_restores(first_.host, copied, content_);
  ASSERT_TRUE(first_.host.engine().remove_backup(copied)) << "of another host's database";
  EXPECT_TRUE(wait_until([&] { return keys("objects/").empty(); }));
}

// The backup of one host is held at each of its calls, while the other host removes the backup that
// it shares all objects with, and collects.
TEST_F(ManyHostsTest, ABackupHeldAtEveryCallSurvivesARemovalOnAnotherHost) {
  open_both();
  share("orders");
  bool reached = true;
  for (int nth = 1; reached; ++nth) {
    CallGate gate(nth);
    second_.watch.before = [&](std::string_view, std::string_view) { return gate.pass(); };
    const OperationView started = second_.host.engine().start_backup(copy_, "", "test").value();
    reached = gate.wait_reached([&] {
      return second_.host.engine().operation(started.id)->state != OperationState::running;
    });
    if (reached) {
      EXPECT_TRUE(first_.host.engine().remove_backup(shared_)) << "call " << nth;
      collect(first_.host);
    }
    gate.let_go();
    const OperationView ended = second_.host.wait(started.id);
    second_.watch.before = nullptr;
    ASSERT_EQ(ended.state, OperationState::succeeded)
        << "call " << nth << ": " << (ended.error ? ended.error->message : "");
    expect_restores(first_.host, ended.backup, content_);
    if (reached) {
      EXPECT_EQ(first_.host.engine().backup(shared_).error().code, ErrorCode::backup_not_found);
    }
    if (HasFailure()) FAIL() << "call " << nth;
    shared_ = ended.backup;  // the next round removes this one
  }
  EXPECT_EQ(collect(first_.host).objects, 1u);
}

// The other way round: the collection is held at each of its calls, the backup begins then.
TEST_F(ManyHostsTest, ABackupBesideACollectionHeldAtEveryCallIsWhole) {
  open_both();
  share("orders");
  bool reached = true;
  for (int nth = 1; reached; ++nth) {
    CallGate gate(nth);
    first_.watch.before = [&](std::string_view, std::string_view) { return gate.pass(); };
    std::jthread removal([&] {
      EXPECT_TRUE(first_.host.engine().remove_backup(shared_));
      collect(first_.host);
    });
    std::atomic<bool> ended = false;
    std::jthread end([&] {
      removal.join();
      ended = true;
    });
    reached = gate.wait_reached([&] { return ended.load(); });
    const OperationView started = second_.host.engine().start_backup(copy_, "", "test").value();
    ASSERT_TRUE(wait_until([&] {
      const OperationView view = second_.host.engine().operation(started.id).value();
      return view.state != OperationState::running ||
             view.waiting_on.find("collection") != std::string::npos;
    }));
    gate.let_go();
    end.join();
    const OperationView view = second_.host.wait(started.id);
    first_.watch.before = nullptr;
    ASSERT_EQ(view.state, OperationState::succeeded)
        << "call " << nth << ": " << (view.error ? view.error->message : "");
    expect_restores(second_.host, view.backup, content_);
    if (HasFailure()) FAIL() << "call " << nth;
    shared_ = view.backup;
  }
}

TEST_F(ManyHostsTest, ABackupThatWaitsForACollectionSaysSoAndCanBeCancelled) {
  open_both();
  share("orders");
  put_mark();
  const OperationView started = second_.host.engine().start_backup(copy_, "", "test").value();
  const auto view = [&] { return second_.host.engine().operation(started.id).value(); };
  ASSERT_TRUE(wait_until([&] { return !view().waiting_on.empty(); }));
  EXPECT_THAT(view().waiting_on, HasSubstr("collection foreign"));
  EXPECT_TRUE(view().waiting_since.has_value());
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(second_.host.engine().cancel_operation(started.id));
  EXPECT_EQ(second_.host.wait(started.id).state, OperationState::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
  EXPECT_TRUE(keys("backups/" + started.backup.value).empty()) << "it leaves no document";
}

TEST_F(ManyHostsTest, ACollectionWaitsInTheBackgroundForAnotherHosts) {
  open_both();
  share("orders");
  put_mark();
  ASSERT_TRUE(first_.host.engine().remove_backup(shared_)) << "does not wait";
  const auto refused = first_.host.engine().collect_repository(false, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::collection_running);
  EXPECT_EQ(keys("objects/").size(), 1u);
  ASSERT_TRUE(store_->remove(format::mark_key("foreign"), {}));
  EXPECT_TRUE(wait_until([&] { return keys("objects/").empty(); }));
}

// Each run leaves its mark, since the object may still go, and the next one meets it: backups of
// all hosts wait for that mark, so the runs become fewer all the same.
TEST_F(ManyHostsTest, ACollectionThatKeepsFailingIsTriedLessAndLessOften) {
  first_.host.seams.collection_times.stale = std::chrono::milliseconds(30);
  open_both();
  share("orders");
  const std::string object = object_of(shared_);
  std::mutex mutex;
  std::vector<std::chrono::steady_clock::time_point> tries;
  first_.watch.before = [&](std::string_view call, std::string_view key) -> Result<void> {
    if (call != "remove" || key != object) return {};
    const std::lock_guard lock(mutex);
    tries.push_back(std::chrono::steady_clock::now());
    return fail(ErrorCode::object_store_unavailable, "500, each time");
  };
  ASSERT_TRUE(first_.host.engine().remove_backup(shared_));
  EXPECT_TRUE(wait_until([&] {
    const std::lock_guard lock(mutex);
    return tries.size() >= 6;
  }));
  first_.host.close();
  const auto retry = first_.host.seams.collection_times.retry;
  EXPECT_GE(tries[2] - tries[1], 2 * retry);
  EXPECT_GE(tries[5] - tries[4], 16 * retry);
}

TEST_F(ManyHostsTest, ACollectionThatRunsOutOfMemoryEndsNothingElse) {
  std::atomic<int> thrown = 0;
  std::atomic<bool> armed = false;
  first_.watch.before_url = [&] {
    if (!armed.exchange(false)) return;
    ++thrown;
    throw std::bad_alloc();
  };
  open_both();
  share("orders");
  armed = true;  // it is asked for in the line that tells how a collection ended
  ASSERT_TRUE(first_.host.engine().remove_backup(shared_));
  EXPECT_TRUE(wait_until([&] { return thrown == 1; }));
  EXPECT_EQ(collect(first_.host).objects, 0u);
  const BackupId next = first_.host.back_up(database_);
  ASSERT_TRUE(first_.host.engine().remove_backup(next));
  EXPECT_TRUE(wait_until([&] { return keys("objects/").empty(); }));
}

TEST_F(ManyHostsTest, ARestoreOfABackupThatAnotherHostRemovesFailsClearly) {
  StepGate gate("restore.run.after-links");
  second_.host.seams.step = gate.hook();
  open_both();
  database_ = first_.host.make_database("orders");
  first_.host.put(database_, records("new:", 300, 2));
  const BackupId backup = first_.host.back_up(database_);
  const DatabaseId target = second_.host.make_database("target");
  const Content old = records("old:", 100, 1);
  second_.host.put(target, old);
  const OperationView started = second_.host.start_restore(target, backup).value();
  ASSERT_TRUE(gate.wait_reached());
  ASSERT_TRUE(first_.host.engine().remove_backup(backup));
  ASSERT_TRUE(wait_until([&] { return keys("objects/").empty(); }));
  gate.let_go();
  const OperationView ended = second_.host.wait(started.id);
  EXPECT_EQ(ended.state, OperationState::failed);
  ASSERT_TRUE(ended.error);
  EXPECT_EQ(ended.error->code, ErrorCode::backup_not_found) << ended.error->message;
  EXPECT_THAT(ended.error->message, HasSubstr("removed while"));
  EXPECT_EQ(second_.host.content(target), old);
}

// Ages are the store's: a host that lives in the future removes nothing that is young.
TEST_F(ManyHostsTest, AHostWhoseClockIsWrongHarmsNobody) {
  future_.advance(std::chrono::hours(24 * 365));
  first_.host.seams.clock = &future_;
  open_both();
  share("orders");
  put_mark();
  // What a backup that another host is making has written so far.
  const std::string young = "objects/ab/" + std::string("ab") + std::string(30, '0');
  ASSERT_TRUE(store_->put(young, bytes_of("an object"), {}));
  EXPECT_EQ(first_.host.engine().collect_repository(false, {}).error().code,
            ErrorCode::collection_running)
      << "the mark is not stale";
  ASSERT_TRUE(store_->remove(format::mark_key("foreign"), {}));
  const CollectionReport report = collect(first_.host);
  EXPECT_EQ(report.objects_young, 1u);
  EXPECT_EQ(report.objects_removed, 0u);
  EXPECT_TRUE(store_->stat(young, {}));
  EXPECT_EQ(collect(first_.host, true).objects_young, 1u);
}

TEST_F(ManyHostsTest, AnIncrementalBackupOfUnchangedDataAsksForEachObjectOnce) {
  open_both();
  database_ = first_.host.make_database("orders");
  for (int file = 0; file < 3; ++file) {
    first_.host.put(database_, records("r" + std::to_string(file) + ":", 200, 1));
    first_.host.back_up(database_);  // each flushes one more file
  }
  first_.watch.clear();
  const BackupId unchanged = first_.host.back_up(database_);
  EXPECT_EQ(first_.host.engine().backup(unchanged)->files, 3u);
  EXPECT_EQ(first_.watch.count("upload"), 0);
  EXPECT_EQ(first_.watch.count("read"), 0);
  // Three objects; and is there a manifest yet, and are the contents still there?
  EXPECT_LE(first_.watch.count("stat"), 3 + 2);
  EXPECT_EQ(first_.watch.count("put"), 4) << "contents, frames, summary, manifest";
  EXPECT_LE(first_.watch.count("list"), 3) << "marks and damage, and the look-up above";
  EXPECT_LE(first_.watch.count("get"), 2 + 3 + 1)
      << "one base, the repository's file before, before the manifest and behind it, and the "
         "look-up above";
}

TEST_F(ManyHostsTest, CloseDoesNotWaitForACollectionThatIsStillToCome) {
  open_both();
  share("orders");
  put_mark();
  ASSERT_TRUE(first_.host.engine().remove_backup(shared_));
  const auto began = std::chrono::steady_clock::now();
  first_.host.close();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
  EXPECT_EQ(keys("objects/").size(), 1u);
  ASSERT_TRUE(store_->remove(format::mark_key("foreign"), {}));
  EXPECT_EQ(keys("collections/"), std::set<std::string>()) << "it leaves no mark";
}

}  // namespace
}  // namespace restored::test
