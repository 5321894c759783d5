// What the disk, the operator and a stop can do to a store.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

#include "file_store_fixture.h"

namespace restored::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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
    auto upload = store->upload("a/b", {}, IfExists::keep);
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

// What an incremental backup of many files pays for: it says how long, in microseconds.
TEST_F(FileStoreTest, ManyObjectsAreSettledByOneSyncOfEachDirectory) {
  constexpr unsigned objects = 4000;
  constexpr unsigned directories = 256;
  const auto store = open();
  std::vector<std::string> keys;
  for (unsigned i = 0; i < objects; ++i) {
    const unsigned directory = i % directories;
    keys.push_back(fmt::format("objects/{:02x}/{:08}", directory, i));
    std::filesystem::create_directories(std::filesystem::path(path(keys.back())).parent_path());
    test::write_file(path(keys.back()), "content");
  }
  const auto timed = [&] {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(store->settle(keys, {}));
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                                 begin)
        .count();
  };
  const auto new_ones = timed();
  const std::uint64_t before = plan_.count(test::Call::sync_directory);
  const auto old_ones = timed();
  EXPECT_EQ(plan_.count(test::Call::sync_directory), before + directories);
  std::printf("4,000 objects: %lld us when they are new, %lld us when they are old\n",
              static_cast<long long>(new_ones), static_cast<long long>(old_ones));
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
  auto upload = store->upload("b", source.get_token(), IfExists::keep);
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
  EXPECT_EQ((*upload)->commit({}).error().code, ErrorCode::cancelled);
  upload->reset();
  EXPECT_THAT(files_on_disk(), ElementsAre("repository/a"));
}

}  // namespace
}  // namespace restored::store
