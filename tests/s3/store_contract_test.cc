// What every object store promises, kept by a directory, by Ceph and by the server of the tests,
// which is so shown to be a fair stand-in for the real one.
#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "base/clock.h"
#include "gateway_store.h"
#include "restored/limits.h"
#include "seeded_runs.h"

namespace restored::test {
namespace {

using testing::ElementsAre;

class StoreContractTest : public GatewayStoreTest, public testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "Directory") {
      store_ =
          store::open_store("file://" + directory_.file("repository"), io::system_files(), nullptr)
              .value();
    } else if (GetParam() == "FaultServer") {
      server_->objects().make_bucket(bucket);
      store_ = open_quick(*server_);
    } else {
      ASSERT_NO_FATAL_FAILURE(GatewayStoreTest::SetUp());
      store_ = open().value();
    }
  }
  std::vector<std::string> keys(const std::string& key_prefix) {
    std::vector<std::string> found;
    const auto listed = store_->list(key_prefix,
                                     [&](const ObjectInfo& info) {
                                       found.push_back(info.key);
                                       return true;
                                     },
                                     {});
    EXPECT_TRUE(listed) << listed.error().message;
    return found;
  }

  const std::unique_ptr<s3_server::FaultServer> server_ = s3_server::FaultServer::start({});
  std::unique_ptr<ObjectStore> store_;
};

ErrorCode code(const auto& result) {
  return result ? ErrorCode::internal : result.error().code;
}

TEST_P(StoreContractTest, WhatWasPutComesBack) {
  for (const std::string& content : {std::string(), std::string("x"), random_text(3'000'001)}) {
    const auto put = store_->put("objects/ab/one", bytes_of(content), {});
    ASSERT_TRUE(put) << put.error().message;
    EXPECT_TRUE(store_->get("objects/ab/one", 4'000'000, {}).value() == content);
    const auto info = store_->stat("objects/ab/one", {});
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(info->key, "objects/ab/one");
    EXPECT_EQ(info->size_bytes, content.size());
    EXPECT_LT(std::abs(info->modified_unix_millis - system_clock().wall()), 60'000);
  }
}

TEST_P(StoreContractTest, AnyPartOfAnObjectIsRead) {
  const std::string content = random_text(300'000);
  ASSERT_TRUE(store_->put("a", bytes_of(content), {}));
  for (const auto& [offset, bytes] : std::vector<std::pair<std::size_t, std::size_t>>{
           {0, 300'000}, {0, 1}, {299'999, 1}, {4096, 8192}, {7, 100'001}, {5, 0}}) {
    std::vector<std::byte> into(bytes);
    const auto read = store_->read("a", offset, into, {});
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_TRUE(std::ranges::equal(into, bytes_of(content).subspan(offset, bytes))) << offset;
  }
  std::vector<std::byte> into(10);
  EXPECT_EQ(code(store_->read("a", 299'995, into, {})), ErrorCode::corruption);
  EXPECT_EQ(code(store_->read("a", 400'000, into, {})), ErrorCode::corruption);
}

TEST_P(StoreContractTest, MissingObjectIsNotFoundEverywhereAndMayBeRemoved) {
  ASSERT_TRUE(store_->put("a/b", bytes_of("x"), {}));
  std::vector<std::byte> into(1);
  EXPECT_EQ(code(store_->stat("a/c", {})), ErrorCode::object_not_found);
  EXPECT_EQ(code(store_->stat("a", {})), ErrorCode::object_not_found);
  EXPECT_EQ(code(store_->get("a/c", 10, {})), ErrorCode::object_not_found);
  EXPECT_EQ(code(store_->read("a/c", 0, into, {})), ErrorCode::object_not_found);
  EXPECT_TRUE(store_->remove("a/c", {}));
  EXPECT_TRUE(store_->remove("a/b", {}));
  EXPECT_EQ(code(store_->stat("a/b", {})), ErrorCode::object_not_found);
}

TEST_P(StoreContractTest, LargerThanAskedIsCorruption) {
  ASSERT_TRUE(store_->put("a", bytes_of("12345"), {}));
  EXPECT_EQ(store_->get("a", 5, {}).value(), "12345");
  EXPECT_EQ(code(store_->get("a", 4, {})), ErrorCode::corruption);
}

TEST_P(StoreContractTest, KeyThatIsNoneIsRefusedByEveryMethod) {
  std::vector<std::byte> into(6);
  for (const std::string& key : {std::string("../secret"), std::string("/etc"), std::string(),
                                 std::string("a//b"), std::string("a/"), std::string("a/.b"),
                                 std::string("a\nb"), std::string("%2e"), std::string(600, 'a')}) {
    constexpr auto refused = ErrorCode::invalid_argument;
    EXPECT_EQ(code(store_->stat(key, {})), refused) << key;
    EXPECT_EQ(code(store_->read(key, 0, into, {})), refused) << key;
    EXPECT_EQ(code(store_->get(key, 100, {})), refused) << key;
    EXPECT_EQ(code(store_->put(key, into, {})), refused) << key;
    EXPECT_EQ(code(store_->upload(key, {}, IfExists::keep)), refused) << key;
    EXPECT_EQ(code(store_->remove(key, {})), refused) << key;
  }
}

TEST_P(StoreContractTest, UploadIsInvisibleBeforeCommitAndGoneWithoutIt) {
  const std::string part = random_text(limits::upload_part_bytes_min);
  {
    auto upload = store_->upload("a/b", {}, IfExists::keep);
    ASSERT_TRUE(upload) << upload.error().message;
    ASSERT_TRUE((*upload)->append(bytes_of(part)));
    EXPECT_EQ(code(store_->stat("a/b", {})), ErrorCode::object_not_found);
    EXPECT_TRUE(keys("").empty());
    (*upload)->abandon();
  }
  EXPECT_EQ(code(store_->stat("a/b", {})), ErrorCode::object_not_found);
  auto upload = store_->upload("a/b", {}, IfExists::keep);
  ASSERT_TRUE((*upload)->append(bytes_of(part)));
  ASSERT_TRUE((*upload)->append(bytes_of(part)));
  const auto committed = (*upload)->commit(bytes_of("end"));
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_TRUE(store_->get("a/b", 100 * kMiB, {}).value() == part + part + "end");
  auto small = store_->upload("a/small", {}, IfExists::keep);
  ASSERT_TRUE((*small)->commit(bytes_of("all of it")));
  EXPECT_EQ(store_->get("a/small", 100, {}).value(), "all of it");
  EXPECT_THAT(keys("a/"), ElementsAre("a/b", "a/small"));
}

TEST_P(StoreContractTest, UploadReplacesWhatIsThereOnlyWhenItIsToldTo) {
  const std::string part = random_text(limits::upload_part_bytes_min);
  for (const std::string& first_part : {std::string(), part}) {
    ASSERT_TRUE(store_->put("a/b", bytes_of("old"), {}));
    for (const IfExists if_exists : {IfExists::keep, IfExists::replace}) {
      auto upload = store_->upload("a/b", {}, if_exists);
      ASSERT_TRUE(upload) << upload.error().message;
      if (!first_part.empty()) {
        ASSERT_TRUE((*upload)->append(bytes_of(first_part)));
      }
      EXPECT_EQ(store_->get("a/b", 100, {}).value(), "old");
      const auto committed = (*upload)->commit(bytes_of("new"));
      // A gateway that does not know conditions replaces it and says so.
      if (if_exists == IfExists::keep && committed && GetParam() == "Ceph") {
        ASSERT_TRUE(store_->put("a/b", bytes_of("old"), {}));
        continue;
      }
      if (if_exists == IfExists::keep) {
        EXPECT_EQ(code(committed), ErrorCode::object_exists);
        (*upload)->abandon();
        continue;
      }
      ASSERT_TRUE(committed) << committed.error().message;
      EXPECT_TRUE(store_->get("a/b", 100 * kMiB, {}).value() == first_part + "new");
    }
  }
  EXPECT_THAT(keys(""), ElementsAre("a/b"));
}

TEST_P(StoreContractTest, ListIsInKeyOrderAndBelowThePrefix) {
  const std::vector<std::string> all{"a-b",     "a.b", "a/b", "a/b-c", "a/b.d",
                                     "a/c/d/e", "a0b", "ab",  "b/1",   "b/2"};
  for (auto key = all.rbegin(); key != all.rend(); ++key)
    ASSERT_TRUE(store_->put(*key, bytes_of(*key), {}));
  EXPECT_EQ(keys(""), all);
  EXPECT_THAT(keys("a/"), ElementsAre("a/b", "a/b-c", "a/b.d", "a/c/d/e"));
  EXPECT_THAT(keys("a/b"), ElementsAre("a/b", "a/b-c", "a/b.d"));
  EXPECT_TRUE(keys("none/").empty());
  std::size_t seen = 0;
  ASSERT_TRUE(store_->list("",
                           [&](const ObjectInfo& info) {
                             EXPECT_EQ(info.size_bytes, info.key.size());
                             return ++seen < 3;
                           },
                           {}));
  EXPECT_EQ(seen, 3u);
}

TEST_P(StoreContractTest, ListGoesOnBeyondOnePage) {
  const int count = limits::store_list_page + 50;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 8; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = thread; i < count; i += 8) {
        const std::string key = "l/" + std::to_string(100'000 + i);
        EXPECT_TRUE(store_->put(key, bytes_of("x"), {}));
      }
    });
  threads.clear();
  const std::vector<std::string> found = keys("l/");
  EXPECT_EQ(found.size(), static_cast<std::size_t>(count));
  EXPECT_TRUE(std::ranges::is_sorted(found));
}

TEST_P(StoreContractTest, StoppedCallsAreCancelled) {
  ASSERT_TRUE(store_->put("a", bytes_of("x"), {}));
  std::stop_source source;
  auto upload = store_->upload("b", source.get_token(), IfExists::keep);
  ASSERT_TRUE(upload);
  source.request_stop();
  const std::stop_token stop = source.get_token();
  std::vector<std::byte> into(1);
  EXPECT_EQ(code(store_->stat("a", stop)), ErrorCode::cancelled);
  EXPECT_EQ(code(store_->read("a", 0, into, stop)), ErrorCode::cancelled);
  EXPECT_EQ(code(store_->get("a", 1, stop)), ErrorCode::cancelled);
  EXPECT_EQ(code(store_->put("a", into, stop)), ErrorCode::cancelled);
  EXPECT_EQ(code(store_->remove("a", stop)), ErrorCode::cancelled);
  EXPECT_EQ(
      code(store_->list("", [](const ObjectInfo&) { return true; }, stop)), ErrorCode::cancelled);
  EXPECT_EQ(code((*upload)->commit(into)), ErrorCode::cancelled);
  EXPECT_EQ(code(store_->stat("b", {})), ErrorCode::object_not_found);
}

// The damaged object that is replaced may be as long as the new one: it is not taken for it.
TEST(FaultServerStoreTest, ReplacingSurvivesAnAnswerThatIsLost) {
  const auto server = s3_server::FaultServer::start({});
  server->objects().make_bucket(bucket);
  const std::unique_ptr<ObjectStore> store = open_quick(*server);
  const std::string part = random_text(limits::upload_part_bytes_min);
  std::string damaged = part + "new";
  damaged[7] = static_cast<char>(damaged[7] ^ 1);
  for (std::uint64_t seed = 1; seed <= 16; ++seed) {
    ASSERT_TRUE(store->put("a/b", bytes_of(damaged), {}));
    server->set_faults({}, seed);
    auto upload = store->upload("a/b", {}, IfExists::replace);
    ASSERT_TRUE(upload && (*upload)->append(bytes_of(part)));
    server->fail_next(s3_server::Fault::reset_before_head, s3_server::Kind::complete_upload, "a/b");
    const auto committed = (*upload)->commit(bytes_of("new"));
    ASSERT_TRUE(committed) << committed.error().message;
    EXPECT_EQ(server->made(s3_server::Fault::reset_before_head), 1u);
    EXPECT_TRUE(store->get("a/b", 100 * kMiB, {}).value() == part + "new") << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(, StoreContractTest, testing::Values("Directory", "FaultServer", "Ceph"),
                         [](const auto& store) { return store.param; });

}  // namespace
}  // namespace restored::test
