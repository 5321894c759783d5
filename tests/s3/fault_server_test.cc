// The server that fails on purpose, seen through curl: right while nothing is asked of it, and each
// fault as it is described.
#include <gmock/gmock.h>

#include "child_process.h"
#include "s3_server/fault_server.h"

namespace restored::test {
namespace {

using namespace s3_server;
using testing::HasSubstr;

class FaultServerTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(server_, nullptr);
    server_->objects().make_bucket("bucket");
    server_->objects().put("bucket", "a/b", "0123456789");
  }
  CurlAnswer ask(const std::string& method, const std::string& target,
                 std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--request", method, server_->endpoint() + target});
    return curl(std::move(more));
  }
  CurlAnswer faulty(Fault fault, Kind kind = Kind::get, const std::string& method = "GET",
                    std::vector<std::string> more = {"--range", "2-5"}) {
    server_->fail_next(fault, kind, "a/");
    return ask(method, "/bucket/a/b", std::move(more));
  }

  std::unique_ptr<FaultServer> server_ = FaultServer::start({});
};

TEST_F(FaultServerTest, ObjectsAreReadAndWritten) {
  const CurlAnswer put = ask("PUT", "/bucket/c%20d", {"--data-binary", "content", "--include"});
  EXPECT_EQ(put.status, 200);
  EXPECT_THAT(put.body, HasSubstr("ETag: \"9a0364b9e99bb480dd25e1f0284c8555\""));
  EXPECT_EQ(ask("GET", "/bucket/c%20d").body, "content");
  EXPECT_EQ(ask("GET", "/bucket/a/b", {"--range", "2-5"}).body, "2345");
  EXPECT_EQ(ask("GET", "/bucket/a/b", {"--range", "8-50"}).body, "89");
  EXPECT_EQ(ask("GET", "/bucket/a/b", {"--range", "10-"}).status, 416);
  const CurlAnswer head = ask("HEAD", "/bucket/a/b", {"--head"});
  EXPECT_THAT(head.body, HasSubstr("Content-Length: 10\r\n"));
  EXPECT_EQ(ask("GET", "/bucket/a/b", {"--header", "If-Match: \"other\""}).status, 412);
  EXPECT_EQ(ask("GET", "/bucket/none").status, 404);
  EXPECT_THAT(ask("GET", "/nobucket/a").body, HasSubstr("NoSuchBucket"));
  EXPECT_EQ(ask("DELETE", "/bucket/a/b").status, 204);
  EXPECT_EQ(ask("GET", "/bucket/a/b").status, 404);
  EXPECT_EQ(server_->count(Kind::get), 8u);
  EXPECT_EQ(server_->count(Kind::remove), 1u);
}

TEST_F(FaultServerTest, WrongDigestAndConditionAreRefused) {
  const std::vector<std::string> wrong = {"--data-binary", "x", "--header",
                                          "Content-MD5: AAAAAAAAAAAAAAAAAAAAAA=="};
  EXPECT_EQ(ask("PUT", "/bucket/new", wrong).status, 400);
  EXPECT_EQ(
      ask("PUT", "/bucket/a/b", {"--data-binary", "x", "--header", "If-None-Match: *"}).status,
      412);
  EXPECT_EQ(ask("GET", "/bucket/a/b").body, "0123456789");
}

TEST_F(FaultServerTest, ListingGoesOnPageByPage) {
  for (int i = 0; i < 5; ++i) server_->objects().put("bucket", "l/" + std::to_string(i), "x");
  const std::string query = "/bucket?list-type=2&prefix=l/&max-keys=2&encoding-type=url";
  std::string token;
  std::string seen;
  for (int page = 0; page < 3; ++page) {
    const CurlAnswer answer =
        ask("GET", query + (token.empty() ? "" : "&continuation-token=" + token));
    for (int i = 0; i < 5; ++i)
      if (answer.body.find("<Key>l/" + std::to_string(i)) != std::string::npos)
        seen += std::to_string(i);
    const std::size_t begin = answer.body.find("<NextContinuationToken>");
    EXPECT_EQ(begin == std::string::npos, page == 2) << answer.body;
    if (begin == std::string::npos) break;
    token = answer.body.substr(begin + 23, answer.body.find("</Next") - begin - 23);
    for (std::size_t at = 0; (at = token.find('=', at)) != std::string::npos;)
      token.replace(at, 1, "%3D");
  }
  EXPECT_EQ(seen, "01234");
}

TEST_F(FaultServerTest, PartsBecomeAnObjectOrAreAborted) {
  const std::string big(5 * 1024 * 1024, 'p');
  const std::string id = server_->objects().begin_upload("bucket", "m");
  const auto first = server_->objects().put_part(id, 1, big);
  const CurlAnswer last = ask("PUT", "/bucket/m?partNumber=2&uploadId=" + percent_encoded(id),
                              {"--data-binary", "end", "--include"});
  EXPECT_EQ(last.status, 200);
  EXPECT_THAT(ask("GET", "/bucket?uploads").body, HasSubstr("<Key>m</Key>"));
  const std::string body = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
                           *first + "</ETag></Part><Part><PartNumber>2</PartNumber><ETag>&quot;" +
                           hex(md5("end")) + "&quot;</ETag></Part></CompleteMultipartUpload>";
  const CurlAnswer done =
      ask("POST", "/bucket/m?uploadId=" + percent_encoded(id), {"--data-binary", body});
  EXPECT_THAT(done.body, HasSubstr("-2&quot;</ETag>"));
  EXPECT_EQ(server_->objects().find("bucket", "m")->bytes->size(), big.size() + 3);
  const std::string other = server_->objects().begin_upload("bucket", "m");
  EXPECT_EQ(ask("DELETE", "/bucket/m?uploadId=" + percent_encoded(other)).status, 204);
  EXPECT_TRUE(server_->objects().uploads("bucket").empty());
}

TEST_F(FaultServerTest, PartsHaveTheSumsThatWereDeclaredAndNoOthers) {
  const std::string header = "x-amz-checksum-sha256: " + base64(sha256("end"));
  const std::string bare = server_->objects().begin_upload("bucket", "m");
  const std::string summed = server_->objects().begin_upload("bucket", "m", "SHA256");
  const auto put = [&](const std::string& id, std::vector<std::string> more) {
    more.insert(more.end(), {"--data-binary", "end"});
    return ask("PUT", "/bucket/m?partNumber=1&uploadId=" + percent_encoded(id), std::move(more));
  };
  EXPECT_EQ(put(bare, {}).status, 200);
  EXPECT_THAT(put(bare, {"--header", header}).body, HasSubstr("expected checksum Type: null"));
  EXPECT_THAT(put(summed, {}).body, HasSubstr("expected checksum Type: sha256"));
  EXPECT_EQ(put(summed, {"--header", header}).status, 200);
  EXPECT_THAT(put(summed, {"--header", "x-amz-checksum-sha256: " + base64(sha256("other"))}).body,
              HasSubstr("BadDigest"));
  const auto complete = [&](const std::string& checksum, std::vector<std::string> more) {
    more.insert(more.end(),
                {"--data-binary",
                 "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>" +
                     hex(md5("end")) + "</ETag>" + checksum + "</Part></CompleteMultipartUpload>"});
    return ask("POST", "/bucket/m?uploadId=" + percent_encoded(summed), std::move(more)).body;
  };
  const std::string right = "<ChecksumSHA256>" + base64(sha256("end")) + "</ChecksumSHA256>";
  EXPECT_THAT(complete("", {}), HasSubstr("InvalidRequest"));
  EXPECT_THAT(complete("<ChecksumSHA256>abc=</ChecksumSHA256>", {}), HasSubstr("InvalidPart"));
  EXPECT_THAT(complete(right, {"--header", header}), HasSubstr("BadDigest"));
  EXPECT_THAT(complete(right, {}), HasSubstr("CompleteMultipartUploadResult"));
}

// curl's exit codes: 18 cut short, 52 empty answer, 56 reset.
TEST_F(FaultServerTest, FaultsAreWhatTheyAreCalled) {
  EXPECT_EQ(faulty(Fault::error_500).status, 500);
  EXPECT_THAT(faulty(Fault::slow_down).body, HasSubstr("SlowDown"));
  EXPECT_THAT(faulty(Fault::slow_down_retry_after, Kind::get, "GET", {"--include"}).body,
              HasSubstr("Retry-After: 1\r\n"));
  EXPECT_EQ(faulty(Fault::too_many_requests).status, 429);
  EXPECT_THAT(faulty(Fault::redirect_permanent).body, HasSubstr("PermanentRedirect"));
  EXPECT_EQ(faulty(Fault::redirect_temporary).status, 307);
  EXPECT_NE(faulty(Fault::garbage).exit_code, 0);
  EXPECT_EQ(faulty(Fault::reset_before_head).exit_code, 56);
  EXPECT_EQ(faulty(Fault::reset_after_head).exit_code, 56);
  EXPECT_EQ(faulty(Fault::truncated).exit_code, 18);
  EXPECT_EQ(faulty(Fault::truncated_no_length).exit_code, 0);
  EXPECT_EQ(faulty(Fault::length_too_long).exit_code, 18);
  EXPECT_LT(faulty(Fault::length_too_short).body.size(), 4u);
  EXPECT_EQ(faulty(Fault::whole_for_range).body, "0123456789");
  EXPECT_THAT(faulty(Fault::error_in_200).body, HasSubstr("InternalError"));
  EXPECT_EQ(faulty(Fault::wrong_bytes).body, "1234");
  EXPECT_THAT(
      faulty(Fault::wrong_content_range, Kind::get, "GET", {"--include", "--range", "2-5"}).body,
      HasSubstr("Content-Range: bytes 3-6/11\r\n"));
  EXPECT_EQ(faulty(Fault::etag_changed, Kind::get, "GET", {"--header", "If-Match: *"}).status, 412);
  const std::string flipped = faulty(Fault::flipped_bit).body;
  EXPECT_EQ(flipped.size(), 4u);
  EXPECT_NE(flipped, "2345");
  EXPECT_NE(faulty(Fault::endless_header).exit_code, 0);
}

TEST_F(FaultServerTest, UnusualAnswersAreRight) {
  for (const Fault fault : {Fault::delay, Fault::trickle, Fault::chunked, Fault::length_missing,
                            Fault::informational, Fault::connection_close, Fault::stray_bytes})
    EXPECT_EQ(faulty(fault).body, "2345") << name(fault);
}

TEST_F(FaultServerTest, StallLastsAsLongAsTold) {
  FaultMix mix;
  mix.stall = std::chrono::milliseconds(200);
  server_->set_faults(mix, 1);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(faulty(Fault::stall_mid_body).exit_code, 56);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, mix.stall);
}

TEST_F(FaultServerTest, SameSeedMakesTheSameFaults) {
  FaultMix mix;
  mix[Fault::error_500] = 0.5;
  const auto statuses = [&](std::uint64_t seed) {
    server_->set_faults(mix, seed);
    std::string seen;
    for (int i = 0; i < 12; ++i) seen += std::to_string(ask("GET", "/bucket/a/b").status) + " ";
    return seen;
  };
  const std::string one = statuses(1);
  EXPECT_EQ(statuses(1), one);
  EXPECT_NE(statuses(2), one);
  EXPECT_THAT(one, HasSubstr("200"));
  EXPECT_THAT(one, HasSubstr("500"));
}

TEST_F(FaultServerTest, StandsBeforeAnotherServer) {
  ServerOptions options;
  options.upstream = "127.0.0.1:" + std::to_string(server_->port());
  options.delay = std::chrono::milliseconds(30);
  const auto before = FaultServer::start(options);
  const std::string big(3'000'000, 'b');
  server_->objects().put("bucket", "big", big);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(curl({before->endpoint() + "/bucket/big"}).body, big);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, options.delay);
  EXPECT_EQ(
      curl({"--data-binary", "new", "--request", "PUT", before->endpoint() + "/bucket/new"}).status,
      200);
  EXPECT_EQ(*server_->objects().find("bucket", "new")->bytes, "new");
  EXPECT_EQ(curl({"--head", before->endpoint() + "/bucket/none"}).status, 404);
  before->fail_next(Fault::truncated, Kind::get, "big");
  EXPECT_EQ(curl({before->endpoint() + "/bucket/big"}).exit_code, 18);
  before->fail_next(Fault::slow_down, Kind::get, "big");
  EXPECT_EQ(curl({before->endpoint() + "/bucket/big"}).status, 503);
  // Chunked behind it, and no length: neither keeps the answer from being right.
  server_->fail_next(Fault::chunked, Kind::get, "big");
  EXPECT_EQ(curl({before->endpoint() + "/bucket/big"}).body, big);
  server_->fail_next(Fault::length_missing, Kind::get, "big");
  EXPECT_EQ(curl({before->endpoint() + "/bucket/big"}).body, big);
}

}  // namespace
}  // namespace restored::test
