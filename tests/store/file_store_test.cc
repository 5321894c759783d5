#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "base/clock.h"
#include "base/memory_budget.h"
#include "io/io_queue.h"
#include "restored/limits.h"
#include "store/open_store.h"
#include "support/fault_files.h"
#include "support/temporary_directory.h"

namespace restored::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string random_text(std::size_t bytes) {
  std::mt19937_64 random(bytes);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

class FileStoreTest : public testing::Test {
 protected:
  std::string root() const { return directory_.file("repository"); }
  std::string path(const std::string& key) const { return root() + "/" + key; }
  std::unique_ptr<ObjectStore> open(io::IoQueue* queue = nullptr) {
    auto store = open_store("file://" + root(), files_, queue);
    EXPECT_TRUE(store) << store.error().message;
    return std::move(*store);
  }
  std::vector<std::string> keys(ObjectStore& store, std::string_view prefix) {
    std::vector<std::string> found;
    const auto listed = store.list(prefix,
                                   [&](const ObjectInfo& info) {
                                     found.push_back(info.key);
                                     return true;
                                   },
                                   {});
    EXPECT_TRUE(listed) << listed.error().message;
    return found;
  }
  // Everything on disk that is not a directory.
  std::vector<std::string> files_on_disk() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path()))
      if (!entry.is_directory())
        found.push_back(entry.path().lexically_relative(directory_.path()).string());
    std::ranges::sort(found);
    return found;
  }

  test::TemporaryDirectory directory_;
  test::FaultPlan plan_;
  test::FaultFileSystem files_{io::system_files(), plan_};
};

TEST_F(FileStoreTest, WhatWasPutComesBack) {
  const auto store = open();
  for (const std::string& content : {std::string(), std::string("x"), random_text(3'000'001)}) {
    ASSERT_TRUE(store->put("objects/ab/one", bytes_of(content), {}));
    EXPECT_EQ(store->get("objects/ab/one", 4'000'000, {}).value(), content);
    const auto info = store->stat("objects/ab/one", {});
    ASSERT_TRUE(info);
    EXPECT_EQ(info->key, "objects/ab/one");
    EXPECT_EQ(info->size_bytes, content.size());
    EXPECT_LT(std::abs(info->modified_unix_millis - system_clock().wall()), 60'000);
  }
  EXPECT_THAT(files_on_disk(), ElementsAre("repository/objects/ab/one"));
}

TEST_F(FileStoreTest, DirectoryWithSpacesIsNamedInPercentEncoding) {
  auto store = open_store("file://" + directory_.path() + "/my%20backups/%c3%a9/", files_, nullptr);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_TRUE((*store)->put("a", bytes_of("x"), {}));
  EXPECT_TRUE(std::filesystem::exists(directory_.file("my backups/\xC3\xA9/a")));
}

TEST_F(FileStoreTest, OtherUrlsAreInvalidConfiguration) {
  for (const char* url : {"", "/srv", "srv", "file:/srv", "file://srv", "file://", "s4://bucket",
                          "FILE:///srv", "file:///a%2", "file:///a%zz", "file:///a%00b"}) {
    const auto store = open_store(url, files_, nullptr);
    ASSERT_FALSE(store) << url;
    EXPECT_EQ(store.error().code, ErrorCode::invalid_configuration) << url;
  }
}

TEST_F(FileStoreTest, KeyThatEscapesTheDirectoryIsRefusedByEveryMethod) {
  const auto store = open();
  test::write_file(directory_.file("secret"), "secret");
  std::vector<std::byte> into(6);
  for (const std::string& key :
       {std::string("../secret"), std::string("objects/../../secret"), std::string("/etc/passwd"),
        std::string(".."), std::string("."), std::string(), std::string("a//b"), std::string("a/"),
        std::string("/"), std::string(".tmp/x"), std::string("a/.hidden"), std::string("a\0b", 3),
        std::string("a\nb"), std::string("a\\..\\b"), std::string("%2e%2e/secret"),
        std::string(600, 'a')}) {
    const auto code = [](const auto& result) {
      return result ? ErrorCode::internal : result.error().code;
    };
    constexpr auto refused = ErrorCode::invalid_argument;
    EXPECT_EQ(code(store->stat(key, {})), refused) << key;
    EXPECT_EQ(code(store->read(key, 0, into, {})), refused) << key;
    EXPECT_EQ(code(store->get(key, 100, {})), refused) << key;
    EXPECT_EQ(code(store->put(key, into, {})), refused) << key;
    EXPECT_EQ(code(store->upload(key, {})), refused) << key;
    EXPECT_EQ(code(store->remove(key, {})), refused) << key;
  }
  for (const char* prefix : {"..", "../", "/", ".tmp/", "a/../../"}) {
    const auto listed = store->list(prefix, [](const ObjectInfo&) { return true; }, {});
    ASSERT_FALSE(listed) << prefix;
    EXPECT_EQ(listed.error().code, ErrorCode::invalid_argument);
  }
  EXPECT_THAT(files_on_disk(), ElementsAre("secret"));
}

TEST_F(FileStoreTest, UploadIsInvisibleBeforeCommitAndGoneWithoutIt) {
  const auto store = open();
  {
    auto upload = store->upload("a/b", {});
    ASSERT_TRUE(upload) << upload.error().message;
    ASSERT_TRUE((*upload)->append(bytes_of("hello ")));
    EXPECT_EQ(store->stat("a/b", {}).error().code, ErrorCode::object_not_found);
    EXPECT_TRUE(keys(*store, "").empty());
  }
  EXPECT_TRUE(files_on_disk().empty());
  auto upload = store->upload("a/b", {});
  ASSERT_TRUE((*upload)->append(bytes_of("hello ")));
  ASSERT_TRUE((*upload)->append(bytes_of("world")));
  ASSERT_TRUE((*upload)->commit());
  EXPECT_EQ(store->get("a/b", 100, {}).value(), "hello world");
  EXPECT_THAT(files_on_disk(), ElementsAre("repository/a/b"));
}

TEST_F(FileStoreTest, EveryFailingCallOfAPutLeavesTheOldObject) {
  const auto store = open();
  ASSERT_TRUE(store->put("a/b", bytes_of("old"), {}));
  using test::Call;
  for (const Call call :
       {Call::create, Call::write, Call::sync, Call::close, Call::make_directories, Call::rename}) {
    plan_.clear();
    plan_.fail(call, 1, ErrorCode::no_space);
    const auto put = store->put("a/b", bytes_of("new"), {});
    ASSERT_FALSE(put) << static_cast<int>(call);
    EXPECT_EQ(put.error().code, ErrorCode::no_space);
    EXPECT_THAT(put.error().message, HasSubstr("object a/b of file://"));
    EXPECT_EQ(plan_.failures(), 1u);
    plan_.clear();
    EXPECT_EQ(store->get("a/b", 100, {}).value(), "old");
    EXPECT_THAT(files_on_disk(), ElementsAre("repository/a/b"));
  }
  plan_.fail(Call::sync_directory, 1, ErrorCode::io_error);
  EXPECT_EQ(store->put("a/b", bytes_of("new"), {}).error().code, ErrorCode::io_error);
}

TEST_F(FileStoreTest, FullDiskInTheMiddleOfAnUploadLeavesNothing) {
  const auto store = open();
  plan_.fail(test::Call::write, 3, ErrorCode::no_space);
  plan_.cut_writes(0.5);
  {
    auto upload = store->upload("a/b", {});
    const std::string piece = random_text(100'000);
    ASSERT_TRUE((*upload)->append(bytes_of(piece)));
    ASSERT_TRUE((*upload)->append(bytes_of(piece)));
    EXPECT_EQ((*upload)->append(bytes_of(piece)).error().code, ErrorCode::no_space);
  }
  EXPECT_TRUE(files_on_disk().empty());
}

TEST_F(FileStoreTest, CommitSyncsTheFileBeforeTheNameAndTheDirectoryAfter) {
  const auto store = open();
  std::vector<std::pair<test::Call, std::string>> calls;
  plan_.before_each([&](test::Call call, const std::string& at) { calls.emplace_back(call, at); });
  ASSERT_TRUE(store->put("a/b", bytes_of("x"), {}));
  plan_.before_each(nullptr);
  std::vector<test::Call> order;
  for (const auto& [call, at] : calls)
    if (call == test::Call::sync || call == test::Call::rename || call == test::Call::write ||
        call == test::Call::sync_directory)
      order.push_back(call);
  EXPECT_THAT(order, ElementsAre(test::Call::write, test::Call::sync, test::Call::rename,
                                 test::Call::sync_directory));
  EXPECT_EQ(calls.back().second, path("a"));
}

TEST_F(FileStoreTest, RemoveIsDurableAndMissingIsNoError) {
  const auto store = open();
  ASSERT_TRUE(store->put("a/b", bytes_of("x"), {}));
  const std::uint64_t before = plan_.count(test::Call::sync_directory);
  ASSERT_TRUE(store->remove("a/b", {}));
  EXPECT_EQ(plan_.count(test::Call::sync_directory), before + 1);
  EXPECT_TRUE(files_on_disk().empty());
  EXPECT_TRUE(store->remove("a/b", {}));
  EXPECT_TRUE(store->remove("never/was/here", {}));
}

TEST_F(FileStoreTest, MissingObjectIsNotFoundEverywhere) {
  const auto store = open();
  ASSERT_TRUE(store->put("a/b", bytes_of("x"), {}));
  std::vector<std::byte> into(1);
  EXPECT_EQ(store->stat("a/c", {}).error().code, ErrorCode::object_not_found);
  EXPECT_EQ(store->stat("a", {}).error().code, ErrorCode::object_not_found);  // a directory
  EXPECT_EQ(store->get("a/c", 10, {}).error().code, ErrorCode::object_not_found);
  EXPECT_EQ(store->read("a/c", 0, into, {}).error().code, ErrorCode::object_not_found);
  EXPECT_EQ(store->read("x/y/z", 0, into, {}).error().code, ErrorCode::object_not_found);
}

TEST_F(FileStoreTest, MissingRepositoryIsUnavailableNotEmpty) {
  const auto store = open();
  ASSERT_TRUE(store->put("a/b", bytes_of("x"), {}));
  std::filesystem::rename(root(), directory_.file("elsewhere"));
  // A mount point that lost its file system is an empty directory.
  for (const bool mount_point : {false, true}) {
    if (mount_point) std::filesystem::create_directory(root());
    std::vector<std::byte> into(1);
    constexpr auto unavailable = ErrorCode::object_store_unavailable;
    EXPECT_EQ(store->stat("a/b", {}).error().code, unavailable);
    EXPECT_EQ(store->get("a/b", 10, {}).error().code, unavailable);
    EXPECT_EQ(store->read("a/b", 0, into, {}).error().code, unavailable);
    EXPECT_EQ(store->put("a/b", into, {}).error().code, unavailable);
    EXPECT_EQ(store->remove("a/b", {}).error().code, unavailable);
    const auto listed = store->list("a/", [](const ObjectInfo&) { return true; }, {});
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code, unavailable);
  }
  EXPECT_THAT(files_on_disk(), ElementsAre("elsewhere/a/b"));  // nothing was written anywhere
}

TEST_F(FileStoreTest, UnreadableDirectoryIsPermissionDenied) {
  const auto store = open();
  ASSERT_TRUE(store->put("a/b", bytes_of("x"), {}));
  // The file system's own refusal; the real cause needs a user that is not root.
  std::vector<std::byte> into(1);
  plan_.only(path("a"));
  plan_.fail_from(test::Call::open, 1, ErrorCode::permission_denied);
  plan_.fail_from(test::Call::stat, 1, ErrorCode::permission_denied);
  plan_.fail_from(test::Call::list, 1, ErrorCode::permission_denied);
  plan_.fail_from(test::Call::make_directories, 1, ErrorCode::permission_denied);
  plan_.fail_from(test::Call::remove_file, 1, ErrorCode::permission_denied);
  constexpr auto denied = ErrorCode::store_permission_denied;
  EXPECT_EQ(store->stat("a/b", {}).error().code, denied);
  EXPECT_EQ(store->get("a/b", 10, {}).error().code, denied);
  EXPECT_EQ(store->read("a/b", 0, into, {}).error().code, denied);
  EXPECT_EQ(store->put("a/b", into, {}).error().code, denied);
  EXPECT_EQ(store->remove("a/b", {}).error().code, denied);
  EXPECT_EQ(store->list("a/", [](const ObjectInfo&) { return true; }, {}).error().code, denied);
}

// Root may read everything, so a child that is somebody else looks.
TEST_F(FileStoreTest, DirectoryTakenAwayFromTheAgentIsPermissionDenied) {
  const auto store = open();
  ASSERT_TRUE(store->put("a/b", bytes_of("x"), {}));
  ASSERT_EQ(chmod(directory_.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(path("a").c_str(), 0), 0);
  const auto look = [&] {
    constexpr uid_t nobody = 65534;
    if (geteuid() == 0 && setuid(nobody) != 0) std::_Exit(1);
    const auto got = store->get("a/b", 10, {});
    const auto put = store->put("a/c", bytes_of("x"), {});
    constexpr auto denied = ErrorCode::store_permission_denied;
    std::_Exit(!got && got.error().code == denied && !put && put.error().code == denied ? 0 : 2);
  };
  EXPECT_EXIT(look(), testing::ExitedWithCode(0), "");
  ASSERT_EQ(chmod(path("a").c_str(), 0700), 0);
}

TEST_F(FileStoreTest, LargerThanAskedIsCorruption) {
  const auto store = open();
  ASSERT_TRUE(store->put("a", bytes_of("12345"), {}));
  EXPECT_EQ(store->get("a", 5, {}).value(), "12345");
  EXPECT_EQ(store->get("a", 4, {}).error().code, ErrorCode::corruption);
}

TEST_F(FileStoreTest, ListIsInKeyOrderAndBelowThePrefix) {
  const auto store = open();
  // '-' and '.' sort before '/', digits and letters after it.
  const std::vector<std::string> all{"a-b",     "a.b", "a/b", "a/b-c", "a/b.d",
                                     "a/c/d/e", "a0b", "ab",  "b/1",   "b/2"};
  for (auto key = all.rbegin(); key != all.rend(); ++key) {
    ASSERT_TRUE(store->put(*key, bytes_of(*key), {}));
  }
  EXPECT_EQ(keys(*store, ""), all);
  EXPECT_TRUE(std::ranges::is_sorted(keys(*store, "")));
  EXPECT_THAT(keys(*store, "a/"), ElementsAre("a/b", "a/b-c", "a/b.d", "a/c/d/e"));
  EXPECT_THAT(keys(*store, "a/b"), ElementsAre("a/b", "a/b-c", "a/b.d"));
  EXPECT_THAT(keys(*store, "a/c"), ElementsAre("a/c/d/e"));
  EXPECT_THAT(keys(*store, "b"), ElementsAre("b/1", "b/2"));
  EXPECT_TRUE(keys(*store, "none/").empty());
}

TEST_F(FileStoreTest, ListStopsWhenToldAndShowsSizes) {
  const auto store = open();
  for (const char* key : {"a/1", "a/2", "b/3"}) ASSERT_TRUE(store->put(key, bytes_of("xyz"), {}));
  std::vector<std::string> seen;
  ASSERT_TRUE(store->list("",
                          [&](const ObjectInfo& info) {
                            EXPECT_EQ(info.size_bytes, 3u);
                            seen.push_back(info.key);
                            return seen.size() < 2;
                          },
                          {}));
  EXPECT_THAT(seen, ElementsAre("a/1", "a/2"));
}

TEST_F(FileStoreTest, StrangeFilesInTheDirectoryAreNotListed) {
  const auto store = open();
  ASSERT_TRUE(store->put("a/b", bytes_of("x"), {}));
  test::write_file(path(".DS_Store"), "");
  test::write_file(path("a/with space"), "");
  std::filesystem::create_directory(path("empty"));
  EXPECT_THAT(keys(*store, ""), ElementsAre("a/b"));
}

TEST_F(FileStoreTest, OpenRemovesUploadsOlderThanADay) {
  ASSERT_TRUE(open());
  const auto leave = [&](const std::string& name, std::chrono::hours age) {
    test::write_file(path(".tmp/" + name), "half");
    std::filesystem::last_write_time(path(".tmp/" + name),
                                     std::filesystem::file_time_type::clock::now() - age);
  };
  leave("killed", std::chrono::hours(25));
  leave("running", std::chrono::hours(23));
  ASSERT_TRUE(open());
  EXPECT_THAT(files_on_disk(), ElementsAre("repository/.tmp/running"));
}

TEST_F(FileStoreTest, StoppedCallsAreCancelled) {
  const auto store = open();
  ASSERT_TRUE(store->put("a", bytes_of("x"), {}));
  std::stop_source source;
  auto upload = store->upload("b", source.get_token());
  ASSERT_TRUE(upload);
  source.request_stop();
  const std::stop_token stop = source.get_token();
  std::vector<std::byte> into(1);
  EXPECT_EQ(store->stat("a", stop).error().code, ErrorCode::cancelled);
  EXPECT_EQ(store->read("a", 0, into, stop).error().code, ErrorCode::cancelled);
  EXPECT_EQ(store->get("a", 1, stop).error().code, ErrorCode::cancelled);
  EXPECT_EQ(store->put("a", into, stop).error().code, ErrorCode::cancelled);
  EXPECT_EQ(store->remove("a", stop).error().code, ErrorCode::cancelled);
  EXPECT_EQ(store->list(
                     "", [](const ObjectInfo&) { return true; }, stop)
                .error()
                .code,
            ErrorCode::cancelled);
  EXPECT_EQ((*upload)->append(into).error().code, ErrorCode::cancelled);
  EXPECT_EQ((*upload)->commit().error().code, ErrorCode::cancelled);
  upload->reset();
  EXPECT_THAT(files_on_disk(), ElementsAre("repository/a"));
}

TEST_F(FileStoreTest, ConcurrentUploadsOfOneKeyLeaveOneWholeObject) {
  const auto store = open();
  const std::string one = random_text(300'000);
  const std::string other = random_text(300'001);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&, i] {
        for (int round = 0; round < 5; ++round) {
          EXPECT_TRUE(store->put("a/b", bytes_of(i % 2 == 0 ? one : other), {}));
          const auto seen = store->get("a/b", 1'000'000, {});
          ASSERT_TRUE(seen);
          EXPECT_TRUE(*seen == one || *seen == other);
        }
      });
  }
  EXPECT_THAT(files_on_disk(), ElementsAre("repository/a/b"));
}

// Reads into leases, as the pipeline does: with a queue, without, and past the direct path.
class FileStoreReadTest : public FileStoreTest, public testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) queue_ = io::open_io_queue({}).value();
    store_ = open(queue_.get());
    ASSERT_TRUE(store_->put("object", bytes_of(content_), {}));
    lease_ = budget_->acquire(4 * kMiB, {}).value();
  }
  void expect_read(std::uint64_t offset, std::size_t at, std::size_t bytes) {
    const auto into = lease_.bytes().subspan(at, bytes);
    std::ranges::fill(into, std::byte{0xAA});
    const auto read = store_->read("object", offset, into, {});
    ASSERT_TRUE(read) << read.error().message;
    const auto expected = bytes_of(content_).subspan(offset, bytes);
    EXPECT_TRUE(std::ranges::equal(into, expected)) << offset << " +" << bytes << " at " << at;
  }

  const std::string content_ = random_text(3 * kMiB + 1234);
  std::unique_ptr<MemoryBudget> budget_ = MemoryBudget::make(8 * kMiB).value();
  std::unique_ptr<io::IoQueue> queue_;
  std::unique_ptr<ObjectStore> store_;
  MemoryLease lease_;
};

TEST_P(FileStoreReadTest, AnyOffsetLengthAndAlignmentGivesExactlyTheBytes) {
  const std::size_t end = content_.size();
  expect_read(0, 0, end);               // direct, and the tail
  expect_read(4096, 0, 2 * kMiB);       // direct
  expect_read(kMiB, 8192, end - kMiB);  // direct from the middle to the end
  expect_read(3 * kMiB, 0, 1234);       // the tail alone
  expect_read(4097, 0, kMiB);           // offset not aligned
  expect_read(4096, 1, kMiB);           // memory not aligned
  expect_read(4096, 0, kMiB + 17);      // length not aligned, not at the end
  expect_read(end - 1, 5, 1);
  expect_read(7, 0, 0);
}

TEST_P(FileStoreReadTest, BytesBesideTheSpanAreNotTouched) {
  const auto all = lease_.bytes();
  std::ranges::fill(all, std::byte{0xAA});
  ASSERT_TRUE(store_->read("object", 0, all.subspan(4096, kMiB + 1), {}));
  EXPECT_TRUE(
      std::ranges::all_of(all.first(4096), [](std::byte b) { return b == std::byte{0xAA}; }));
  EXPECT_TRUE(std::ranges::all_of(all.subspan(4096 + kMiB + 1),
                                  [](std::byte b) { return b == std::byte{0xAA}; }));
}

TEST_P(FileStoreReadTest, ShortObjectIsCorruption) {
  std::filesystem::resize_file(path("object"), 2 * kMiB + 100);
  for (const std::size_t bytes : {2 * kMiB + 101, 3 * kMiB}) {
    const auto read = store_->read("object", 0, lease_.bytes().first(bytes), {});
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::corruption) << read.error().message;
  }
  const auto read = store_->read("object", 3 * kMiB, lease_.bytes().first(10), {});
  EXPECT_EQ(read.error().code, ErrorCode::corruption);
}

TEST_P(FileStoreReadTest, ManyThreadsReadAtOnce) {
  std::vector<std::jthread> threads;
  std::vector<MemoryLease> leases;
  for (int i = 0; i < 4; ++i) leases.push_back(budget_->acquire(kMiB, {}).value());
  for (MemoryLease& lease : leases)
    threads.emplace_back([&, into = lease.bytes()] {
      for (std::uint64_t offset = 0; offset + kMiB <= content_.size(); offset += 512 * kKiB) {
        ASSERT_TRUE(store_->read("object", offset, into, {}));
        ASSERT_TRUE(std::ranges::equal(into, bytes_of(content_).subspan(offset, kMiB)));
      }
    });
}

INSTANTIATE_TEST_SUITE_P(, FileStoreReadTest, testing::Bool(),
                         [](const auto& on_queue) { return on_queue.param ? "Queue" : "Pread"; });

}  // namespace
}  // namespace restored::store
