// How keys are kept fresh: files that change, and an instance's metadata, on a clock of our own.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <thread>

#include "fake_environment.h"
#include "metadata_server.h"
#include "store/credentials.h"
#include "store/instance_metadata.h"
#include "support/temporary_directory.h"
#include "support/wait_until.h"

namespace restored::store {
namespace {

using namespace std::chrono_literals;
using test::TemporaryDirectory;
using test::wait_until;
using test::write_file;
using ::testing::HasSubstr;

using Gate = std::shared_ptr<std::atomic<bool>>;

class CredentialsRefreshTest : public ::testing::Test {
 protected:
  CredentialsRefreshTest() {
    variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = server_.url();
    variables_["AWS_SHARED_CREDENTIALS_FILE"] = path_;
  }

  void open() {
    auto source = CredentialsSource::open(options_, environment_of(variables_), clock_);
    ASSERT_TRUE(source.has_value()) << source.error().message;
    source_ = std::move(*source);
  }
  std::string key() {
    const auto credentials = source_->get({});
    return credentials ? (*credentials)->access_key_id : credentials.error().message;
  }
  Error error() {
    const auto credentials = source_->get({});
    EXPECT_FALSE(credentials.has_value());
    return credentials ? Error() : credentials.error();
  }
  // By rename, as careful tools do: never half a file, always another version.
  void write_key(std::string_view id) {
    const std::string next = directory_.file("next");
    write_file(next, fmt::format("[default]\naws_access_key_id = {}\n"
                                 "aws_secret_access_key = secret-of-{}\n",
                                 id, id));
    ASSERT_EQ(::chmod(next.c_str(), 0600), 0);
    std::filesystem::rename(next, path_);
  }
  // A service whose key ends so much later than now.
  void serve(std::string id, std::chrono::seconds lifetime) {
    server_.answer_with(
        good_metadata(std::move(id), iso8601(clock_.wall() + lifetime.count() * 1000)));
  }
  // One that answers when the gate opens; soon enough after a test that failed before.
  void hold(std::string id, Gate gate) {
    const auto good = good_metadata(std::move(id), iso8601(clock_.wall() + 7'200'000));
    server_.answer_with([good, gate](const MetadataRequest& request) {
      wait_until([&] { return gate->load(); });
      return good(request);
    });
  }
  void serve_status(unsigned status) {
    server_.answer_with([status](const MetadataRequest&) { return MetadataAnswer{status, {}}; });
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.file("keys");
  MetadataServer server_;
  ManualClock clock_;
  S3Options options_;
  Variables variables_;
  std::unique_ptr<CredentialsSource> source_;
};

TEST_F(CredentialsRefreshTest, AChangedFileIsReadAgain) {
  write_key("A");
  open();
  EXPECT_EQ(key(), "A");
  write_key("B");
  clock_.advance(1s);
  const auto credentials = source_->get({});
  EXPECT_EQ((*credentials)->access_key_id, "B");
  EXPECT_EQ((*credentials)->secret_access_key.view(), "secret-of-B");
}

TEST_F(CredentialsRefreshTest, AFileThatBreaksLeavesTheOldKey) {
  write_key("A");
  open();
  const auto old = source_->get({});
  write_file(path_, "[default]\naws_access_key_id = B\n");
  clock_.advance(1s);
  EXPECT_EQ(key(), "A");
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  options_.instance_metadata = false;
  clock_.advance(1s);
  EXPECT_EQ(key(), "A");
  write_key("C");
  clock_.advance(1s);
  EXPECT_EQ(key(), "C");
  // Who still uses the old one may.
  EXPECT_EQ((*old)->secret_access_key.view(), "secret-of-A");
}

TEST_F(CredentialsRefreshTest, AnInstanceHasTheKeyOfItsRole) {
  serve("ROLE", 1h);
  open();
  EXPECT_EQ(server_.refreshes(), 0u);
  const auto credentials = source_->get({});
  ASSERT_TRUE(credentials.has_value()) << credentials.error().message;
  EXPECT_EQ((*credentials)->access_key_id, "ROLE");
  EXPECT_EQ((*credentials)->secret_access_key.view(), "wJalr/XUtnFEMI");
  EXPECT_EQ((*credentials)->session_token.view(), "session");
  EXPECT_EQ((*credentials)->expires_at, clock_.wall() + 3'600'000);
  EXPECT_EQ((*credentials)->origin, "the instance metadata");
  EXPECT_EQ(server_.requests(),
            (std::vector<std::string>{"PUT /latest/api/token",
                                      "GET /latest/meta-data/iam/security-credentials/",
                                      "GET /latest/meta-data/iam/security-credentials/role%2B1"}));
  EXPECT_EQ(key(), "ROLE");
  EXPECT_EQ(server_.requests().size(), 3u);
}

TEST_F(CredentialsRefreshTest, AnAnswerInChunksIsRead) {
  const MetadataServer::Handler good = good_metadata("ROLE", iso8601(clock_.wall() + 3'600'000));
  server_.answer_with([good](const MetadataRequest& request) {
    MetadataAnswer answer = good(request);
    answer.chunked = true;
    return answer;
  });
  open();
  EXPECT_EQ(key(), "ROLE");
}

TEST_F(CredentialsRefreshTest, AKeyIsReplacedBeforeItExpires) {
  serve("FIRST", 1h);
  open();
  EXPECT_EQ(key(), "FIRST");
  serve("SECOND", 2h);
  clock_.advance(1h - 5min - 1s);
  EXPECT_EQ(key(), "FIRST");
  EXPECT_EQ(server_.refreshes(), 1u);
  clock_.advance(1s);
  EXPECT_EQ(key(), "SECOND");
  EXPECT_EQ(server_.refreshes(), 2u);
}

TEST_F(CredentialsRefreshTest, AFailingServiceLeavesTheOldKeyUntilItsEnd) {
  serve("FIRST", 1h);
  open();
  EXPECT_EQ(key(), "FIRST");
  serve_status(500);
  clock_.advance(1h - 5min);
  EXPECT_EQ(key(), "FIRST");
  EXPECT_EQ(server_.refreshes(), 2u);
  EXPECT_EQ(key(), "FIRST");
  clock_.advance(9s);
  EXPECT_EQ(key(), "FIRST");
  EXPECT_EQ(server_.refreshes(), 2u);  // not with every request
  clock_.advance(1s);
  EXPECT_EQ(key(), "FIRST");
  EXPECT_EQ(server_.refreshes(), 3u);
  clock_.advance(5min);
  const Error ended = error();
  EXPECT_EQ(ended.code, ErrorCode::object_store_unavailable);
  EXPECT_THAT(ended.message, HasSubstr("500"));
  EXPECT_EQ(server_.refreshes(), 4u);
  EXPECT_EQ(error().message, ended.message);
  EXPECT_EQ(server_.refreshes(), 4u);  // a failure is believed for a moment
  serve("SECOND", 1h);
  clock_.advance(1s);
  EXPECT_EQ(key(), "SECOND");
}

TEST_F(CredentialsRefreshTest, AFailureIsToldOnceAMinuteAndNeverASecret) {
  serve("FIRST", 1h);
  ::testing::internal::CaptureStderr();
  open();
  EXPECT_EQ(key(), "FIRST");
  server_.answer_with([](const MetadataRequest& request) {
    return request.line.starts_with("PUT") ? MetadataAnswer{200, "the-token=="}
                                           : MetadataAnswer{500, R"("wJalr/XUtnFEMI" "session")"};
  });
  clock_.advance(1h - 5min);
  for (int minute = 0; minute < 3; ++minute) {
    for (int ask = 0; ask < 6; ++ask) {
      EXPECT_EQ(key(), "FIRST");
      clock_.advance(10s);
    }
  }
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(server_.refreshes(), 1u + 18u);
  std::size_t told = 0;
  for (std::size_t at = 0; (at = log.find("could not be replaced", at)) != log.npos; ++at) ++told;
  EXPECT_EQ(told, 3u) << log;
  EXPECT_THAT(log, HasSubstr("the S3 key FIRST of the instance metadata is used"));
  for (const char* const secret : {"wJalr", "session", "the-token"})
    EXPECT_EQ(log.find(secret), std::string::npos) << log;
}

TEST_F(CredentialsRefreshTest, AServiceThatIsGoneIsAnOutageWhereItOnceAnswered) {
  serve("FIRST", 1h);
  open();
  EXPECT_EQ(key(), "FIRST");
  serve_status(404);
  clock_.advance(2h);
  EXPECT_EQ(error().code, ErrorCode::object_store_unavailable);
}

TEST_F(CredentialsRefreshTest, AKeyThatComesExpiredIsAnError) {
  serve("LATE", -1s);
  open();
  const Error late = error();
  EXPECT_EQ(late.code, ErrorCode::object_store_unavailable);
  EXPECT_THAT(late.message, HasSubstr("expired at 2025-"));
}

TEST_F(CredentialsRefreshTest, ARefusedKeyIsLookedForAgainButNotAllTheTime) {
  serve("FIRST", 1h);
  open();
  const auto first = source_->get({});
  ASSERT_TRUE(first.has_value());
  serve("SECOND", 1h);
  source_->refused(**first);
  const auto second = source_->get({});
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ((*second)->access_key_id, "SECOND");
  EXPECT_EQ(server_.refreshes(), 2u);
  // A late answer to a request with the old key says nothing of the new one.
  source_->refused(**first);
  clock_.advance(5s);
  EXPECT_EQ(key(), "SECOND");
  EXPECT_EQ(server_.refreshes(), 2u);
  source_->refused(**second);
  EXPECT_EQ(key(), "SECOND");
  EXPECT_EQ(server_.refreshes(), 3u);
  serve("THIRD", 1h);
  source_->refused(*source_->get({}).value());
  clock_.advance(4s);
  EXPECT_EQ(key(), "SECOND");  // a server that refuses all keys does not make us ask all the time
  clock_.advance(1s);
  EXPECT_EQ(key(), "THIRD");
  EXPECT_EQ(server_.refreshes(), 4u);
}

TEST_F(CredentialsRefreshTest, ARefusedKeyOfAFileIsReadAgain) {
  write_key("A");
  open();
  const auto first = source_->get({});
  write_key("B");
  source_->refused(**first);
  EXPECT_EQ(key(), "B");
}

TEST_F(CredentialsRefreshTest, AHostWithoutMetadataHearsItWithTheOtherPlaces) {
  variables_["HOME"] = directory_.path();
  open();  // the server answers everything with 404: some cloud, but not this service
  const Error elsewhere = error();
  EXPECT_EQ(elsewhere.code, ErrorCode::store_misconfigured);
  EXPECT_THAT(elsewhere.message, HasSubstr("AWS_ACCESS_KEY_ID is not set"));
  EXPECT_THAT(elsewhere.message, HasSubstr("no instance metadata of version 2"));
  EXPECT_EQ(server_.requests(), std::vector<std::string>{"PUT /latest/api/token"});
  EXPECT_THAT(elsewhere.hint, HasSubstr("s3.credentials_file"));

  variables_["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = "http://127.0.0.1:1";
  open();
  const auto begin = std::chrono::steady_clock::now();
  const Error nobody = error();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_EQ(nobody.code, ErrorCode::store_misconfigured);
  EXPECT_THAT(nobody.message, HasSubstr("no instance metadata at 127.0.0.1:1"));
}

TEST_F(CredentialsRefreshTest, AnInstanceWithoutARoleIsToldSo) {
  const MetadataServer::Handler good = good_metadata("ROLE", "");
  server_.answer_with([good](const MetadataRequest& request) {
    return request.line.starts_with("PUT") ? good(request) : MetadataAnswer{404, {}};
  });
  open();
  const Error none = error();
  EXPECT_EQ(none.code, ErrorCode::store_misconfigured);
  EXPECT_THAT(none.message, HasSubstr("none is attached"));
}

TEST_F(CredentialsRefreshTest, AKeyThatIsWrittenLaterIsFound) {
  open();
  EXPECT_EQ(error().code, ErrorCode::store_misconfigured);
  write_key("A");
  clock_.advance(1s);
  EXPECT_EQ(key(), "A");
}

TEST_F(CredentialsRefreshTest, OneThreadLooksTheOthersGoOnWithTheOldKey) {
  serve("FIRST", 1h);
  open();
  EXPECT_EQ(key(), "FIRST");
  clock_.advance(1h - 5min);
  const Gate release = std::make_shared<std::atomic<bool>>(false);
  hold("SECOND", release);
  std::future<std::string> looking = std::async(std::launch::async, [&] { return key(); });
  ASSERT_TRUE(wait_until([&] { return server_.refreshes() == 2; }));
  for (int ask = 0; ask < 100; ++ask) EXPECT_EQ(key(), "FIRST");
  *release = true;
  EXPECT_EQ(looking.get(), "SECOND");
  EXPECT_EQ(server_.refreshes(), 2u);
}

TEST_F(CredentialsRefreshTest, ThreadsWithoutAKeyWaitForTheOneThatLooks) {
  const Gate release = std::make_shared<std::atomic<bool>>(false);
  hold("ROLE", release);
  open();
  std::vector<std::future<std::string>> all;
  for (int thread = 0; thread < 8; ++thread)
    all.push_back(std::async(std::launch::async, [&] { return key(); }));
  ASSERT_TRUE(wait_until([&] { return server_.refreshes() == 1; }));
  // One that waits can leave.
  std::stop_source stop;
  auto leaving = std::async(std::launch::async, [&] { return source_->get(stop.get_token()); });
  stop.request_stop();
  ASSERT_EQ(leaving.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(leaving.get().error().code, ErrorCode::cancelled);
  *release = true;
  for (auto& one : all) EXPECT_EQ(one.get(), "ROLE");
  EXPECT_EQ(server_.refreshes(), 1u);
}

TEST_F(CredentialsRefreshTest, WhoLooksCanBeCancelledAndAnotherTakesOver) {
  const Gate release = std::make_shared<std::atomic<bool>>(false);
  hold("ROLE", release);
  open();
  std::stop_source stop;
  auto first = std::async(std::launch::async, [&] { return source_->get(stop.get_token()); });
  ASSERT_TRUE(wait_until([&] { return server_.refreshes() == 1; }));
  auto second = std::async(std::launch::async, [&] { return key(); });
  const auto begin = std::chrono::steady_clock::now();
  stop.request_stop();
  EXPECT_EQ(first.get().error().code, ErrorCode::cancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1s);
  *release = true;
  EXPECT_EQ(second.get(), "ROLE");
}

TEST(InstanceCredentialsTest, WhatLacksAPartIsRefusedWithoutASecretInTheMessage) {
  const std::string good =
      R"({"Code":"Success","AccessKeyId":"ID","SecretAccessKey":"wJalr","Token":"wToken",)"
      R"("Expiration":"2030-01-01T00:00:00Z","More":{"AccessKeyId":"NO","list":[1,2.5,"x",null]}})";
  const auto parsed = parse_instance_credentials(good);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->access_key_id, "ID");
  EXPECT_EQ(parsed->session_token.view(), "wToken");
  const auto without = [&](std::string_view part, std::string_view put = "") {
    std::string text = good;
    return text.replace(text.find(part), part.size(), put);
  };
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[]"), std::string("null"),
        without("Success", "Failed"), without(R"("AccessKeyId":"ID",)"),
        without(R"("SecretAccessKey":"wJalr",)"), without("2030-01-01T00:00:00Z", "soon"),
        without("wJalr", "wJalr\\n"), without("wToken", std::string(9000, 'x')), good + "x"}) {
    const auto wrong = parse_instance_credentials(text);
    ASSERT_FALSE(wrong.has_value()) << text;
    EXPECT_EQ(wrong.error().message.find("wJalr"), std::string::npos) << wrong.error().message;
  }
  for (std::size_t length = 0; length < good.size(); ++length)
    ASSERT_FALSE(parse_instance_credentials(std::string_view(good).substr(0, length)).has_value())
        << length;
}

}  // namespace
}  // namespace restored::store
