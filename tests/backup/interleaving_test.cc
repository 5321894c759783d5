// A backup of one host beside a removal and its collection on another one, in every order of their
// store calls with two switches from one to the other, in thousands of seeded ones with more, and
// with either of them killed at every call.
#include <gmock/gmock.h>

#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <thread>

#include "backup/collection.h"
#include "backup/secure_objects.h"
#include "repository_fixture.h"
#include "restored/limits.h"
#include "turnstile.h"

namespace restored::backup {
namespace {

using test::make_backup;
using test::SampleBackup;
using test::Turns;
using test::Turnstile;
using test::TurnstileStore;

constexpr std::size_t backup_host = 0;
constexpr std::size_t removal_host = 1;
constexpr std::size_t all_calls = 60;  // more than either makes when nothing keeps it waiting
constexpr std::chrono::hours orphan_age(limits::orphan_seconds / 3600 + 1);

CollectionTimes quick_times() {
  CollectionTimes times;
  times.look = std::chrono::milliseconds(0);
  return times;
}

// What one host does, one part after the other.
struct Outcome {
  std::optional<Error> backup;
  std::optional<Error> removal;
};

class InterleavingTest : public test::RepositoryFixture {
 protected:
  // The removed backup and the one that is made share an object that only they have; another one
  // is an old orphan; and one is of a backup that stays.
  const std::string shared_ = test::compressible(3000);
  const std::string orphan_ = "left by a backup that was killed long ago";
  const std::string kept_ = "of a backup that stays";
  const SampleBackup removed_ = make_backup("removed", {shared_, "only in the removed one"});
  const SampleBackup stays_ = make_backup("stays", {kept_});
  const SampleBackup made_ = make_backup("made", {shared_, orphan_, kept_, "new"});

  InterleavingTest() : RepositoryFixture(test::memory_directory()) {
    const auto repository = open();
    publish(*repository, removed_);
    publish(*repository, stays_);
    put_objects(make_backup("killed", {orphan_}));
    for (const std::string& key : keys()) age(key, orphan_age);
    template_ = directory_.file("template");
    std::filesystem::rename(root(), template_);
  }

  void begin() {
    std::filesystem::remove_all(root());
    std::filesystem::copy(template_, root(), std::filesystem::copy_options::recursive);
    // Copies are young; what is in the repository is old.
    for (const std::string& key : keys()) age(key, orphan_age);
  }

  // As make_backup() does it, with objects that are there already instead of files that are read.
  Result<void> make(ObjectStore& store) {
    RESTORED_TRY(const auto repository, Repository::open(store, {}));
    std::map<format::ContentId, const test::SampleObject*> objects;
    std::vector<NamedObject> named;
    for (std::size_t i = 0; i < made_.objects.size(); ++i) {
      objects[made_.manifest.files[i].content] = &made_.objects[i];
      named.push_back({made_.manifest.files[i].content, made_.objects[i].bytes.size()});
    }
    const auto put = [&](const format::ContentId& content) {
      return store.put(format::object_key(content), test::bytes_of(objects.at(content)->bytes), {});
    };
    // The first is known from a base backup, which says that it is stored.
    for (std::size_t i = 1; i < named.size(); ++i) {
      const auto info = store.stat(format::object_key(named[i].content), {});
      if (!info && info.error().code != ErrorCode::object_not_found)
        return std::unexpected(info.error());
      if (!info) RESTORED_TRY(put(named[i].content));
    }
    const ObjectsToSecure request{made_.manifest.backup,
                                  made_.manifest.database,
                                  [&] { return named; },
                                  [&](const LostObjects& lost) -> Result<void> {
                                    EXPECT_TRUE(lost.other_size.empty());
                                    for (const format::ContentId& content : lost.missing)
                                      RESTORED_TRY(put(content));
                                    return {};
                                  },
                                  [](std::string_view) {},
                                  times_};
    RESTORED_TRY(secure_objects(*repository, request, {}));
    return repository->publish(made_.manifest, made_.frames, {});
  }

  Result<void> remove(ObjectStore& store) {
    RESTORED_TRY(const auto repository, Repository::open(store, {}));
    CollectionRequest request;
    request.times = times_;
    RESTORED_TRY(request.leftovers, repository->remove(BackupId("removed"), {}));
    RESTORED_TRY(collect(*repository, request, {}));
    return {};
  }

  Outcome run(Turnstile& turnstile) {
    begin();
    Outcome outcome;
    const auto host = [&](std::size_t number, std::optional<Error>& error, auto work) {
      return std::jthread([this, &turnstile, number, &error, work] {
        TurnstileStore store(*files_store_, turnstile, number);
        if (const Result<void> done = work(store); !done) error = done.error();
        turnstile.end(number);
      });
    };
    const std::jthread backup =
        host(backup_host, outcome.backup, [this](ObjectStore& store) { return make(store); });
    const std::jthread removal =
        host(removal_host, outcome.removal, [this](ObjectStore& store) { return remove(store); });
    return outcome;
  }

  std::string tell(const Turnstile& turnstile) const {
    std::string text;
    for (const auto& [host, call] : turnstile.log)
      text += std::string(host == backup_host ? "  backup   " : "  removal  ") + call + "\n";
    return text;
  }

  void expect_whole(const SampleBackup& backup, const std::string& story) {
    const auto repository = open();
    const auto loaded = repository->load(backup.manifest.backup, {});
    ASSERT_TRUE(loaded) << loaded.error().message << "\n" << story;
    for (std::size_t i = 0; i < backup.objects.size(); ++i) {
      const std::string key = format::object_key(loaded->manifest.files[i].content);
      const auto info = store_.stat(key, {});
      ASSERT_TRUE(info) << key << " is gone\n" << story;
      ASSERT_EQ(info->size_bytes, backup.objects[i].bytes.size()) << key << "\n" << story;
    }
  }

  // After everything has aged, one more collection leaves what backups need, and nothing else.
  void expect_no_leak(bool made, bool removed, const std::string& story) {
    const auto repository = open();
    for (const std::string& key : keys()) age(key, orphan_age);
    const auto report = collect(*repository, {}, {});
    ASSERT_TRUE(report) << report.error().message << "\n" << story;
    std::vector<std::string> expected = keys_of(stays_);
    if (made) std::ranges::copy(keys_of(made_), std::back_inserter(expected));
    if (!removed) std::ranges::copy(keys_of(removed_), std::back_inserter(expected));
    expect_keys(expected);
  }

  void expect_both_right(std::vector<Turns> schedule) {
    Turnstile turnstile(std::move(schedule));
    const Outcome outcome = run(turnstile);
    const std::string story = tell(turnstile);
    ASSERT_FALSE(outcome.backup) << outcome.backup->message << "\n" << story;
    ASSERT_FALSE(outcome.removal) << outcome.removal->message << "\n" << story;
    expect_whole(made_, story);
    expect_whole(stays_, story);
    EXPECT_EQ(open()->manifest(BackupId("removed"), {}).error().code, ErrorCode::backup_not_found)
        << story;
    if (HasFailure()) return;
    expect_no_leak(true, true, story);
  }

  // How many calls each makes alone.
  std::pair<std::size_t, std::size_t> calls_alone() {
    Turnstile turnstile({{backup_host, all_calls}, {removal_host, all_calls}});
    run(turnstile);
    return {turnstile.count(backup_host), turnstile.count(removal_host)};
  }

  CollectionTimes times_ = quick_times();
  std::string template_;
};

TEST_F(InterleavingTest, ABackupAndACollectionInEveryOrderWithTwoSwitches) {
  const auto [backup_calls, removal_calls] = calls_alone();
  EXPECT_GE(backup_calls, 12u);
  EXPECT_GE(removal_calls, 14u);
  for (std::size_t first = 0; first <= backup_calls; ++first) {
    for (std::size_t second = 1; second <= removal_calls; ++second) {
      expect_both_right({{backup_host, first},
                         {removal_host, second},
                         {backup_host, all_calls},
                         {removal_host, all_calls}});
      if (HasFailure()) return;
    }
  }
  for (std::size_t first = 1; first <= removal_calls; ++first) {
    for (std::size_t second = 1; second <= backup_calls; ++second) {
      expect_both_right({{removal_host, first},
                         {backup_host, second},
                         {removal_host, all_calls},
                         {backup_host, all_calls}});
      if (HasFailure()) return;
    }
  }
}

TEST_F(InterleavingTest, ABackupAndACollectionInSeededOrders) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<Turns> schedule;
    for (int i = 0; i < 24; ++i) schedule.push_back({random() % 2, random() % 5});
    expect_both_right(std::move(schedule));
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

// What the killed host has left keeps no other one from going on, once it is stale.
TEST_F(InterleavingTest, ACollectionKilledAtEveryCallHarmsNoBackup) {
  const auto [backup_calls, removal_calls] = calls_alone();
  times_.stale = std::chrono::milliseconds(40);
  times_.look = std::chrono::milliseconds(1);
  for (std::size_t killed = 0; killed < removal_calls; ++killed) {
    for (const std::size_t before : {std::size_t{0}, backup_calls / 2, backup_calls}) {
      Turnstile turnstile({{backup_host, before}, {removal_host, killed}});
      turnstile.kill(removal_host, killed);
      const Outcome outcome = run(turnstile);
      const std::string story = tell(turnstile);
      ASSERT_FALSE(outcome.backup) << outcome.backup->message << "\n" << story;
      expect_whole(made_, story);
      expect_whole(stays_, story);
      const bool removed = !open()->manifest(BackupId("removed"), {});
      expect_no_leak(true, removed, story);
      if (HasFailure()) FAIL() << "killed at call " << killed;
    }
  }
}

// Or, once its manifest is written, it is there and whole: all that was to come is one more look
// whether the repository has changed.
TEST_F(InterleavingTest, ABackupKilledAtEveryCallIsCollectedInTheEnd) {
  const auto [backup_calls, removal_calls] = calls_alone();
  const std::string manifest = "put " + format::manifest_key(BackupId("made"));
  std::size_t complete = 0;
  for (std::size_t killed = 0; killed < backup_calls; ++killed) {
    for (const std::size_t before : {std::size_t{0}, removal_calls / 2, removal_calls}) {
      Turnstile turnstile({{removal_host, before}, {backup_host, killed}});
      turnstile.kill(backup_host, killed);
      const Outcome outcome = run(turnstile);
      const std::string story = tell(turnstile);
      const bool written = std::ranges::any_of(
          turnstile.log, [&](const auto& call) { return call.second == manifest; });
      ASSERT_NE(outcome.backup.has_value(), written) << story;
      ASSERT_FALSE(outcome.removal) << outcome.removal->message << "\n" << story;
      expect_whole(stays_, story);
      if (written) {
        ++complete;
        expect_whole(made_, story);
      } else {
        EXPECT_EQ(open()->manifest(BackupId("made"), {}).error().code, ErrorCode::backup_not_found);
      }
      expect_no_leak(written, true, story);
      if (HasFailure()) FAIL() << "killed at call " << killed;
    }
  }
  EXPECT_GT(complete, 0u) << "of the call after that of the manifest";
}

class TwoCollectionsTest : public InterleavingTest {
 protected:
  // From the look that found no other mark to the removal of its own.
  struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  static std::optional<Span> span_of(const Turnstile& turnstile, std::size_t host) {
    std::optional<Span> span;
    for (std::size_t i = 0; i < turnstile.log.size(); ++i) {
      if (turnstile.log[i].first != host) continue;
      if (turnstile.log[i].second == "list backups/" && !span) span = Span{i, 0};
      if (turnstile.log[i].second.starts_with("remove collections/") && span) span->end = i;
    }
    return span;
  }

  void expect_one_at_a_time(std::vector<Turns> schedule) {
    begin();
    Turnstile turnstile(std::move(schedule));
    std::array<std::optional<Error>, 2> errors;
    {
      std::vector<std::jthread> hosts;
      for (std::size_t host = 0; host < 2; ++host) {
        hosts.emplace_back([&, host] {
          TurnstileStore store(*files_store_, turnstile, host);
          const auto repository = Repository::open(store, {});
          CollectionRequest request;
          request.times = times_;
          const auto report = collect(**repository, request, {});
          if (!report) errors[host] = report.error();
          turnstile.end(host);
        });
      }
    }
    const std::string story = tell(turnstile);
    both_gave_way_ += errors[0] && errors[1] ? 1 : 0;
    for (const auto& error : errors) {
      if (error) {
        EXPECT_EQ(error->code, ErrorCode::collection_running) << story;
      }
    }
    const std::optional<Span> first = span_of(turnstile, 0);
    const std::optional<Span> second = span_of(turnstile, 1);
    if (first && second) {
      EXPECT_TRUE(first->end < second->begin || second->end < first->begin) << story;
    }
    for (const std::string& key : keys())
      EXPECT_FALSE(key.starts_with("collections/")) << key << "\n" << story;
    expect_whole(stays_, story);
    expect_whole(removed_, story);
  }

  // Allowed, but for most orders one goes on.
  int both_gave_way_ = 0;
};

TEST_F(TwoCollectionsTest, InEveryOrderWithTwoSwitchesOneRunsAtATime) {
  for (std::size_t first = 0; first <= 10; ++first) {
    for (std::size_t second = 1; second <= 14; ++second) {
      expect_one_at_a_time({{0, first}, {1, second}, {0, all_calls}, {1, all_calls}});
      if (HasFailure()) return;
    }
  }
  // Where one is held between its look and the removal of its mark for longer than the other waits.
  EXPECT_LE(both_gave_way_, 4);
}

TEST_F(TwoCollectionsTest, InSeededOrdersOneRunsAtATime) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    std::mt19937_64 random(seed);
    std::vector<Turns> schedule;
    for (int i = 0; i < 16; ++i) schedule.push_back({random() % 2, random() % 4});
    expect_one_at_a_time(std::move(schedule));
    if (HasFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace restored::backup
