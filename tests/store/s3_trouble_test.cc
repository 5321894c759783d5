// What servers say, and what we make of it.
#include "store/s3_trouble.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <string>

namespace restored::store {
namespace {

S3Asked asked() {
  S3Asked one;
  one.what = "GET objects/ab/abcd of s3://bucket/prefix";
  one.server = "10.0.0.7:8000";
  one.region = "eu-west-1";
  one.credentials_origin = "the environment";
  one.now = 1'700'000'000'000;
  return one;
}

net::Response answer(unsigned status, std::string_view code = "", std::string_view more = "") {
  net::Response response;
  response.head.status = status;
  if (!code.empty()) {
    response.body =
        fmt::format("<?xml version=\"1.0\"?><Error><Code>{}</Code>{}</Error>", code, more);
  }
  return response;
}

struct Case {
  unsigned status;
  std::string_view code;
  ErrorCode error;
  bool again;
  std::string_view hint;  // a part of it
};

TEST(S3TroubleTest, EachAnswerHasItsMeaning) {
  const Case cases[] = {
      {404, "NoSuchKey", ErrorCode::object_not_found, false, "lost an object"},
      // Not the store's word: it says what is missing.
      {404, "", ErrorCode::object_store_unavailable, true, "answers in its place"},
      {404, "NoSuchUpload", ErrorCode::object_store_unavailable, false, "start the backup again"},
      {404, "NoSuchBucket", ErrorCode::store_misconfigured, false, "Create the bucket"},
      {403, "SignatureDoesNotMatch", ErrorCode::store_permission_denied, false, "secret"},
      {403, "InvalidAccessKeyId", ErrorCode::store_permission_denied, false, "access key"},
      {403, "AccessDenied", ErrorCode::store_permission_denied, false, "list"},
      {403, "", ErrorCode::store_permission_denied, false, "list"},
      {403, "RequestTimeTooSkewed", ErrorCode::store_misconfigured, false, "clock"},
      {400, "ExpiredToken", ErrorCode::store_permission_denied, true, "Renew"},
      {301, "PermanentRedirect", ErrorCode::store_misconfigured, false, "region"},
      {400, "AuthorizationHeaderMalformed", ErrorCode::store_misconfigured, false, "region"},
      {307, "", ErrorCode::store_misconfigured, false, "endpoint"},
      {412, "PreconditionFailed", ErrorCode::object_changed, false, "writes to the repository"},
      {416, "InvalidRange", ErrorCode::corruption, false, ""},
      {403, "QuotaExceeded", ErrorCode::no_space, false, "quota"},
      {500, "InternalError", ErrorCode::object_store_unavailable, true, "busy"},
      {503, "SlowDown", ErrorCode::object_store_unavailable, true, "fewer requests"},
      {503, "", ErrorCode::object_store_unavailable, true, "fewer requests"},
      {429, "", ErrorCode::object_store_unavailable, true, "fewer requests"},
      {504, "", ErrorCode::object_store_unavailable, true, "busy"},
      {400, "BadDigest", ErrorCode::object_store_unavailable, true, "busy"},
      {400, "IncompleteBody", ErrorCode::object_store_unavailable, true, "busy"},
      {501, "NotImplemented", ErrorCode::store_misconfigured, false, "S3 server"},
      {400, "InvalidArgument", ErrorCode::store_misconfigured, false, ""},
  };
  for (const Case& one : cases) {
    const Trouble trouble = trouble_of(asked(), answer(one.status, one.code));
    const std::string name = fmt::format("{} {}", one.status, one.code);
    EXPECT_EQ(facts(trouble.error.code).name, facts(one.error).name) << name;
    EXPECT_EQ(trouble.again, one.again) << name;
    EXPECT_NE(trouble.error.hint_text().find(one.hint), std::string::npos)
        << name << ": " << trouble.error.hint_text();
    EXPECT_TRUE(trouble.error.message.starts_with(fmt::format(
        "GET objects/ab/abcd of s3://bucket/prefix: {} from 10.0.0.7:8000", one.status)))
        << trouble.error.message;
    EXPECT_EQ(trouble.status, one.status);
  }
}

TEST(S3TroubleTest, ARefusalNamesWhereTheCredentialsCameFrom) {
  const Trouble trouble = trouble_of(asked(), answer(403, "SignatureDoesNotMatch"));
  EXPECT_NE(trouble.error.message.find("the environment"), std::string::npos)
      << trouble.error.message;
}

TEST(S3TroubleTest, AWrongRegionIsNamedBesideTheRightOne) {
  const Trouble trouble = trouble_of(
      asked(), answer(400, "AuthorizationHeaderMalformed", "<Region>us-west-2</Region>"));
  EXPECT_NE(trouble.error.message.find("in region us-west-2 and not eu-west-1"), std::string::npos)
      << trouble.error.message;
}

TEST(S3TroubleTest, AWrongClockIsTold) {
  net::Response response = answer(403, "RequestTimeTooSkewed");
  response.head.headers.emplace_back("Date", "Tue, 14 Nov 2023 21:13:20 GMT");  // an hour earlier
  const Trouble trouble = trouble_of(asked(), response);
  EXPECT_NE(trouble.error.message.find("3600 s ahead of the store's"), std::string::npos)
      << trouble.error.message;
}

TEST(S3TroubleTest, RetryAfterIsRead) {
  net::Response response = answer(503, "SlowDown");
  response.head.headers.emplace_back("Retry-After", "7");
  EXPECT_EQ(trouble_of(asked(), response).retry_after, std::chrono::seconds(7));
  response.head.headers.back().second = "Fri, 31 Dec 1999 23:59:59 GMT";
  EXPECT_EQ(trouble_of(asked(), response).retry_after, std::nullopt);
  response.head.headers.back().second = "-1";
  EXPECT_EQ(trouble_of(asked(), response).retry_after, std::nullopt);
}

TEST(S3TroubleTest, WhatAServerWritesCannotForgeALine) {
  net::Response response = answer(500, "InternalError", "<Message>a\nb\x1b[31m</Message>");
  const Trouble trouble = trouble_of(asked(), response);
  EXPECT_EQ(trouble.error.message.find_first_of("\n\x1b"), std::string::npos);
  response.head.headers.emplace_back("x-amz-request-id", "tx1\r\nSet: 1");
  EXPECT_EQ(trouble_of(asked(), response).error.message.find_first_of("\r\n"), std::string::npos);
}

TEST(S3TroubleTest, FailuresOnTheWayAreToldApart) {
  using Kind = net::Failure::Kind;
  const auto of = [](Kind kind) {
    return trouble_of(asked(), net::Failure{kind, "example:1: x", false});
  };
  EXPECT_EQ(of(Kind::name_unknown).error.code, ErrorCode::store_misconfigured);
  EXPECT_FALSE(of(Kind::name_unknown).again);
  EXPECT_TRUE(of(Kind::name_unavailable).again);
  EXPECT_EQ(of(Kind::tls_refused).error.code, ErrorCode::store_misconfigured);
  EXPECT_NE(of(Kind::tls_refused).error.hint.find("s3.ca_file"), std::string::npos);
  EXPECT_FALSE(of(Kind::tls_refused).again);
  EXPECT_EQ(of(Kind::cancelled).error.code, ErrorCode::cancelled);
  EXPECT_FALSE(of(Kind::cancelled).again);
  for (const Kind kind :
       {Kind::connect_failed, Kind::timed_out, Kind::closed, Kind::malformed, Kind::too_long}) {
    EXPECT_TRUE(of(kind).again);
    EXPECT_EQ(of(kind).error.code, ErrorCode::object_store_unavailable);
  }
  EXPECT_TRUE(trouble_of(asked(), net::Failure{Kind::closed, "x", true}).at_once);
}

}  // namespace
}  // namespace restored::store
