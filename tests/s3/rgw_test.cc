// What only a real server does: checks signatures, knows its buckets, refuses above its limits,
// dies in the middle of an answer, and shows its certificate.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/clock.h"
#include "gateway_store.h"
#include "restored/limits.h"
#include "s3_server/fault_server.h"
#include "store/s3_store.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class RgwTest : public GatewayStoreTest {
 protected:
  // What the first call on such a store says.
  Error refusal() {
    auto store = open();
    if (!store) return store.error();
    const auto put = (*store)->put("a", bytes_of("x"), {});
    EXPECT_FALSE(put);
    return put ? Error{} : put.error();
  }
  std::size_t unfinished() { return gateway().count("/" + bucket_ + "?uploads=", "<Upload>"); }
};

TEST_F(RgwTest, LargeObjectGoesInParts) {
  auto store = open().value();
  const std::string content = random_text(40 * kMiB);
  auto upload = store->upload("objects/ab/large", {}, IfExists::keep).value();
  for (std::size_t at = 0; at < 4; ++at)
    ASSERT_TRUE(upload->append(bytes_of(content).subspan(at * 8 * kMiB, 8 * kMiB)));
  EXPECT_EQ(unfinished(), 1u);
  const auto committed = upload->commit(bytes_of(content).subspan(32 * kMiB));
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(unfinished(), 0u);
  EXPECT_EQ(store->stat("objects/ab/large", {}).value().size_bytes, content.size());
  std::vector<std::byte> into(content.size());
  ASSERT_TRUE(store->read("objects/ab/large", 0, into, {}));
  EXPECT_TRUE(std::ranges::equal(into, bytes_of(content)));
}

TEST_F(RgwTest, AbandonedUploadLeavesNothing) {
  auto store = open().value();
  auto upload = store->upload("objects/ab/half", {}, IfExists::keep).value();
  ASSERT_TRUE(upload->append(bytes_of(random_text(8 * kMiB))));
  EXPECT_EQ(unfinished(), 1u);
  upload->abandon();
  EXPECT_EQ(unfinished(), 0u);
}

TEST_F(RgwTest, UploadOfAKilledWriterIsRemovedOnceItIsOld) {
  auto store = open().value();
  auto upload = store->upload("objects/ab/half", {}, IfExists::keep).value();
  ASSERT_TRUE(upload->append(bytes_of(random_text(8 * kMiB))));
  upload.reset();
  EXPECT_EQ(store->remove_stale_uploads(3600, {}).value(), 0u);
  EXPECT_EQ(unfinished(), 1u);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));  // the store counts in seconds
  EXPECT_EQ(store->remove_stale_uploads(0, {}).value(), 1u);
  EXPECT_EQ(unfinished(), 0u);
}

TEST_F(RgwTest, UploadNeverReplacesAnObject) {
  auto store = open().value();
  ASSERT_TRUE(store->put("objects/ab/one", bytes_of("first"), {}));
  auto upload = store->upload("objects/ab/one", {}, IfExists::keep).value();
  const auto committed = upload->commit(bytes_of("other"));
  // This server may or may not know conditions; what counts is that nobody is lied to.
  if (!committed) {
    EXPECT_EQ(committed.error().code, ErrorCode::object_exists);
  }
  EXPECT_EQ(store->get("objects/ab/one", 10, {}).value(), committed ? "other" : "first");
}

TEST_F(RgwTest, WrongSecretIsPermissionDeniedAndNamesTheRemedy) {
  write_secret("not-the-secret");
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::store_permission_denied);
  EXPECT_THAT(error.message, HasSubstr("SignatureDoesNotMatch"));
  EXPECT_THAT(error.message, Not(HasSubstr("not-the-secret")));
  EXPECT_THAT(std::string(error.hint_text()), HasSubstr("correct the credentials"));
}

TEST_F(RgwTest, UnknownKeyIsPermissionDeniedAndNamesTheRemedy) {
  options_.s3.access_key_id = "NOBODYSKEY";
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::store_permission_denied);
  EXPECT_THAT(error.message, HasSubstr("InvalidAccessKeyId"));
  EXPECT_THAT(std::string(error.hint_text()), HasSubstr("does not know the access key"));
}

TEST_F(RgwTest, MissingBucketIsMisconfigured) {
  auto store = store::open_store("s3://nobucket/prefix", io::system_files(), nullptr, options_);
  ASSERT_TRUE(store);
  std::vector<std::byte> into(1);
  for (const Error& error :
       {(*store)->put("a", into, {}).error(), (*store)->get("a", 10, {}).error(),
        (*store)->read("a", 0, into, {}).error()}) {
    EXPECT_EQ(error.code, ErrorCode::store_misconfigured) << error.message;
    EXPECT_THAT(error.message, HasSubstr("NoSuchBucket"));
    EXPECT_THAT(std::string(error.hint_text()), HasSubstr("Create the bucket"));
  }
}

class WrongClock final : public Clock {
 public:
  explicit WrongClock(std::int64_t ahead_millis) : ahead_millis_(ahead_millis) {}
  UnixMillis wall() const override { return system_clock().wall() + ahead_millis_; }
  std::chrono::steady_clock::time_point monotonic() const override {
    return system_clock().monotonic();
  }

 private:
  const std::int64_t ahead_millis_;
};

TEST_F(RgwTest, WrongClockIsNamed) {
  for (const std::int64_t minutes : {-20, 20}) {
    const WrongClock clock(minutes * 60'000);
    auto store = store::S3Store::open("s3://" + bucket_ + "/prefix", options_,
                                      store::process_environment(), clock)
                     .value();
    const auto put = store->put("a", bytes_of("x"), {});
    ASSERT_FALSE(put);
    EXPECT_EQ(put.error().code, ErrorCode::store_misconfigured) << put.error().message;
    EXPECT_THAT(put.error().message, HasSubstr(minutes < 0 ? " s behind the" : " s ahead of the"));
    EXPECT_THAT(std::string(put.error().hint_text()), HasSubstr("Correct this host's clock"));
  }
}

TEST_F(RgwTest, CertificateOfAGivenAuthorityIsTrusted) {
  options_.s3.endpoint = gateway().tls_endpoint();
  options_.s3.ca_file = gateway().ca_file();
  auto store = open().value();
  const std::string content = random_text(3 * kMiB);
  const auto put = store->put("a", bytes_of(content), {});
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_TRUE(store->get("a", 4 * kMiB, {}).value() == content);
}

TEST_F(RgwTest, CertificateOfAnotherAuthorityIsMisconfiguredAtOnce) {
  options_.s3.endpoint = gateway().tls_endpoint();
  const auto begin = std::chrono::steady_clock::now();
  const Error error = refusal();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(error.code, ErrorCode::store_misconfigured) << error.message;
  EXPECT_THAT(error.message, HasSubstr("certificate"));
  EXPECT_THAT(std::string(error.hint_text()), HasSubstr("ca_file"));
}

TEST_F(RgwTest, CertificateOfAnotherNameIsMisconfigured) {
  // Trusted, but for localhost and what is below it, and for 127.0.0.1: not for this address.
  options_.s3.endpoint = "https://[::ffff:127.0.0.1]:" + std::to_string(gateway().port() + 1);
  options_.s3.ca_file = gateway().ca_file();
  const Error error = refusal();
  EXPECT_EQ(error.code, ErrorCode::store_misconfigured) << error.message;
  EXPECT_THAT(error.message, HasSubstr("certificate is not for"));
}

TEST_F(RgwTest, BucketIsAddressedByItsOwnName) {
  options_.s3.addressing = Addressing::virtual_host;
  options_.s3.endpoint = "http://localhost:" + std::to_string(gateway().port());
  auto store = open().value();
  const auto put = store->put("a/b", bytes_of("content"), {});
  ASSERT_TRUE(put) << put.error().message;
  EXPECT_EQ(gateway().curl("GET", "/" + bucket_ + "/some/prefix/a/b").body, "content");
  EXPECT_EQ(store->get("a/b", 10, {}).value(), "content");
  std::size_t seen = 0;
  ASSERT_TRUE(store->list("", [&](const ObjectInfo&) { return ++seen > 0; }, {}));
  EXPECT_EQ(seen, 1u);
}

TEST_F(RgwTest, ReadsAboveTheGatewaysLimitAllSucceedAndBecomeFewer) {
  options_.reads_max = 16;
  auto store =
      store::S3Store::open("s3://" + bucket_ + "/prefix", options_, store::process_environment())
          .value();
  store::RetryPolicy policy;
  policy.backoff_max = std::chrono::milliseconds(500);
  policy.budget = std::chrono::seconds(60);
  store->set_retry_policy(policy);
  const std::string content = random_text(2 * kMiB);
  ASSERT_TRUE(store->put("a", bytes_of(content), {}));
  ASSERT_TRUE(gateway().start_gateway({.requests_max = 3, .stall = std::chrono::seconds(65)}));
  std::atomic<int> right = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 16; ++i)
    readers.emplace_back([&] {
      std::vector<std::byte> into(content.size());
      for (int round = 0; round < 8; ++round) {
        const auto turn = store->read_turn({});
        const auto read = store->read("a", 0, into, {});
        EXPECT_TRUE(read) << read.error().message;
        if (read && std::ranges::equal(into, bytes_of(content))) ++right;
      }
    });
  readers.clear();
  EXPECT_EQ(right, 16 * 8);
  EXPECT_LE(store->reads_now(), 6u);
  ASSERT_TRUE(gateway().start_gateway());
}

// Readers that never stop, and a gateway that is killed until one of them was in the middle of a
// body: then its next request begins at the byte that it had reached.
TEST_F(RgwTest, BodyGoesOnAtTheByteReachedWhenTheGatewayIsKilled) {
  s3_server::ServerOptions before;
  before.upstream = "127.0.0.1:" + std::to_string(gateway().port());
  const auto proxy = s3_server::FaultServer::start(before);
  options_.s3.endpoint = proxy->endpoint();
  auto store = open().value();
  const std::string content = random_text(24 * kMiB);
  {
    auto upload = store->upload("a", {}, IfExists::keep).value();
    for (std::size_t at = 0; at < 3; ++at)
      ASSERT_TRUE(upload->append(bytes_of(content).subspan(at * 8 * kMiB, 8 * kMiB)));
    ASSERT_TRUE(upload->commit({}));
  }
  std::atomic<bool> done = false;
  std::atomic<int> reads = 0;
  std::vector<std::jthread> readers;
  for (std::size_t i = 0; i < 3; ++i)
    readers.emplace_back([&, i] {
      std::vector<std::byte> into(8 * kMiB);
      while (!done) {
        const auto read = store->read("a", i * 8 * kMiB, into, {});
        ASSERT_TRUE(read) << read.error().message;
        ASSERT_TRUE(std::ranges::equal(into, bytes_of(content).subspan(i * 8 * kMiB, 8 * kMiB)));
        ++reads;
      }
    });
  const auto resumed = [&] {
    return std::ranges::any_of(proxy->log(), [](const std::string& line) {
      const std::size_t at = line.find("bytes=");
      return at != std::string::npos && std::stoull(line.substr(at + 6)) % (8 * kMiB) != 0;
    });
  };
  // Most of a read is waiting for the gateway: not every kill meets a body.
  for (int kill = 0; kill < 40 && !resumed(); ++kill) {
    const int before_kill = reads;
    ASSERT_TRUE(wait_until([&] { return reads >= before_kill + 6; }));
    ASSERT_TRUE(gateway().kill_gateway());
    ASSERT_TRUE(gateway().start_gateway());
  }
  EXPECT_TRUE(resumed());
  const int after = reads;
  EXPECT_TRUE(wait_until([&] { return reads >= after + 6; }, std::chrono::seconds(60)));
  done = true;
}

TEST_F(RgwTest, CancelledWhileTheGatewayIsGoneEndsWithinASecond) {
  auto store = open().value();
  ASSERT_TRUE(store->put("a", bytes_of("x"), {}));
  ASSERT_TRUE(gateway().kill_gateway());
  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    source.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  const auto got = store->get("a", 10, source.get_token());
  const auto took = std::chrono::steady_clock::now() - begin;
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::cancelled);
  EXPECT_LT(took, std::chrono::milliseconds(1700));
  ASSERT_TRUE(gateway().start_gateway());
  EXPECT_EQ(store->get("a", 10, {}).value(), "x");
}

}  // namespace
}  // namespace restored::test
