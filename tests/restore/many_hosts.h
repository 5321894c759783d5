// Two hosts that share a repository, each a whole engine.
//
// The repository is a directory; RESTORED_TEST_REPOSITORY=s3://bucket/prefix runs the same tests
// there (each below a prefix of its own), with the store's options from the environment as usual.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "backup/repository.h"
#include "base/random.h"
#include "deep_reading.h"
#include "format/contents.h"
#include "io/file_system.h"
#include "restored/limits.h"
#include "store/open_store.h"
#include "support/shifted_clock.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"
#include "test_host.h"
#include "test_keys.h"
#include "watched_store.h"

namespace restored::test {

inline std::string repository_url(const TemporaryDirectory& directory) {
  const char* place = std::getenv("RESTORED_TEST_REPOSITORY");
  if (place == nullptr || *place == '\0') return "file://" + directory.file("repository");
  return std::string(place) + "/" + random_id();
}

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class ManyHostsTest : public ::testing::Test {
 protected:
  struct Member {
    Member(const TemporaryDirectory& directory, const std::string& name, const std::string& url)
        : host(directory.file(name), "/unused") {
      host.options.repository_url = url;
      host.options.space_reserve_bytes = 1 * kMiB;
      host.seams.wrap_store = watch.wrap();
      host.seams.collection_times.look = std::chrono::milliseconds(2);
      host.seams.collection_times.retry = std::chrono::milliseconds(20);
    }
    StoreWatch watch;
    TestHost host;
  };

  ManyHostsTest()
      : directory_(memory_directory()),
        url_(repository_url(directory_)),
        store_(store::open_store(url_, io::system_files(), nullptr).value()),
        first_(directory_, "first", url_),
        second_(directory_, "second", url_) {}
  void open_both() {
    first_.host.open();
    second_.host.open();
  }
  std::set<std::string> keys(const std::string& prefix) const {
    std::set<std::string> keys;
    const auto listed = store_->list(prefix,
                                     [&](const ObjectInfo& info) {
                                       keys.insert(info.key);
                                       return true;
                                     },
                                     {});
    EXPECT_TRUE(listed) << listed.error().message;
    return keys;
  }
  std::unique_ptr<backup::Repository> open_repository() const {
    using backup::Repository;
    return Repository::open(*store_, {}, Repository::IfEmpty::refuse, ring_of_hosts()).value();
  }
  std::string object_of(const BackupId& backup) const {
    return format::object_key(open_repository()->contents(backup, {})->objects.front());
  }
  void put_mark() {
    const std::string mark = format::encode_mark({"foreign", "db7.example.org"});
    ASSERT_TRUE(store_->put(format::mark_key("foreign"), bytes_of(mark), {}));
  }
  // A database on the first host, a backup of it, and the same content on the second host: its next
  // backup there shares every object.
  void share(const std::string& name) {
    database_ = first_.host.make_database(name);
    content_ = records(name + ":", 300, 1);
    first_.host.put(database_, content_);
    shared_ = first_.host.back_up(database_);
    copy_ = second_.host.make_database(name + "-copy");
    ASSERT_EQ(second_.host.restore(copy_, shared_).state, OperationState::succeeded);
  }
  void expect_restores(TestHost& host, const BackupId& backup, const Content& content) {
    const DatabaseId target = host.make_database("check");
    const OperationView restored = host.restore(target, backup);
    ASSERT_EQ(restored.state, OperationState::succeeded) << restored.error->message;
    EXPECT_EQ(host.content(target), content);
    expect_serves(host, target, backup);
    EXPECT_TRUE(host.engine().remove_database(target));
  }
  // By then a collection that the last removal asked for has ended.
  CollectionReport collect(TestHost& host, bool dry_run = false) {
    const auto report = host.engine().collect_repository(dry_run, {});
    EXPECT_TRUE(report) << report.error().message;
    return report.value_or(CollectionReport());
  }

  const TemporaryDirectory directory_;
  const std::string url_;
  const std::unique_ptr<ObjectStore> store_;
  ShiftedClock future_;
  Member first_;
  Member second_;
  DatabaseId database_;
  DatabaseId copy_;
  Content content_;
  BackupId shared_;
};

}  // namespace restored::test
