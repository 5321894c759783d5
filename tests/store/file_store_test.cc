#include <gmock/gmock.h>

#include <cstdlib>
#include <thread>

#include "base/clock.h"
#include "file_store_fixture.h"

namespace restored::store {
namespace {

using testing::ElementsAre;

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
    EXPECT_EQ(code(store->upload(key, {}, IfExists::keep)), refused) << key;
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
    auto upload = store->upload("a/b", {}, IfExists::keep);
    ASSERT_TRUE(upload) << upload.error().message;
    ASSERT_TRUE((*upload)->append(bytes_of("hello ")));
    EXPECT_EQ(store->stat("a/b", {}).error().code, ErrorCode::object_not_found);
    EXPECT_TRUE(keys(*store, "").empty());
  }
  EXPECT_TRUE(files_on_disk().empty());
  auto upload = store->upload("a/b", {}, IfExists::keep);
  ASSERT_TRUE((*upload)->append(bytes_of("hello ")));
  ASSERT_TRUE((*upload)->append(bytes_of("world")));
  ASSERT_TRUE((*upload)->commit({}));
  EXPECT_EQ(store->get("a/b", 100, {}).value(), "hello world");
  EXPECT_THAT(files_on_disk(), ElementsAre("repository/a/b"));
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

// Root may read everything, so a child that is somebody else looks.
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

}  // namespace
}  // namespace restored::store
