#include "control/answers.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <set>

#include "control/request_body.h"

namespace restored::control {
namespace {

constexpr ErrorCode all_codes[] = {
#define RESTORED_ERROR(name, number, wire, http, exit, retry, hint) ErrorCode::name,
#include "restored/error_codes.def"
#undef RESTORED_ERROR
};

std::string header(const Response& response, std::string_view wanted) {
  for (const auto& [name, value] : response.headers) {
    if (name == wanted) return value;
  }
  return {};
}

TEST(ErrorAnswerTest, EveryCodeHasTheFirstEnvelope) {
  for (const ErrorCode code : all_codes) {
    const Response response =
        error_answer(Error{code, "what \"happened\"", {}}, Surface::first, "");
    EXPECT_EQ(response.status, facts(code).http_status);
    EXPECT_EQ(response.content_type, "application/json");
    const auto body = boost::json::parse(response.body);
    const auto& error = body.at("error").as_object();
    EXPECT_EQ(error.at("code").as_string(), facts(code).wire);
    EXPECT_EQ(error.at("message").as_string(), "what \"happened\"");
    EXPECT_EQ(error.contains("hint"), !facts(code).hint.empty());
  }
}

TEST(ErrorAnswerTest, EveryCodeHasOneOfTheSecondContractsStatuses) {
  const std::set<int> documented{400, 401, 403, 404, 405, 429, 500, 503};
  for (const ErrorCode code : all_codes) {
    const Response response = error_answer(Error{code, "text", {}}, Surface::second, "");
    EXPECT_TRUE(documented.contains(response.status)) << facts(code).name;
    EXPECT_EQ(response.status == 503 || response.status == 429,
              !header(response, "Retry-After").empty())
        << facts(code).name;
    const auto body = boost::json::parse(response.body).as_object();
    EXPECT_EQ(body.size(), 1u);
    EXPECT_TRUE(body.at("error").is_string());
  }
}

TEST(ErrorAnswerTest, TheSecondContractsCasesAreThoseOfItsTable) {
  EXPECT_EQ(second_status(ErrorCode::invalid_request), 400);
  EXPECT_EQ(second_status(ErrorCode::backup_not_usable), 400);
  EXPECT_EQ(second_status(ErrorCode::insufficient_space), 400);
  EXPECT_EQ(second_status(ErrorCode::corruption), 400);
  EXPECT_EQ(second_status(ErrorCode::authentication_required), 401);
  EXPECT_EQ(second_status(ErrorCode::permission_missing), 403);
  EXPECT_EQ(second_status(ErrorCode::backup_not_found), 404);
  EXPECT_EQ(second_status(ErrorCode::database_recovering), 503);
  EXPECT_EQ(second_status(ErrorCode::database_provisioning), 503);
  EXPECT_EQ(second_status(ErrorCode::object_store_unavailable), 503);
}

TEST(ErrorAnswerTest, BusyAndUnavailableSayWhenToComeBack) {
  for (const ErrorCode code : {ErrorCode::database_recovering, ErrorCode::database_provisioning,
                               ErrorCode::object_store_unavailable, ErrorCode::shutting_down}) {
    const Response response = error_answer(Error{code, "text", {}}, Surface::first, "");
    EXPECT_GE(std::atoi(header(response, "Retry-After").c_str()), 1) << facts(code).name;
  }
  const Response final =
      error_answer(Error{ErrorCode::past_point_of_no_return, "text", {}}, Surface::first, "");
  EXPECT_EQ(final.status, 409);
  EXPECT_EQ(header(final, "Retry-After"), "");
}

TEST(ErrorAnswerTest, ProblemJsonComesWhenAskedFor) {
  const Error error{ErrorCode::backup_not_usable, "backup b is not completed", {}};
  const Response response =
      error_answer(error, Surface::first, "application/json;q=0.5, Application/Problem+JSON");
  EXPECT_EQ(response.content_type, "application/problem+json");
  const auto body = boost::json::parse(response.body).as_object();
  EXPECT_EQ(body.at("status").as_int64(), 422);
  EXPECT_EQ(body.at("title").as_string(), "Unprocessable Entity");
  EXPECT_EQ(body.at("type").as_string(), "about:blank");
  EXPECT_EQ(body.at("detail").as_string(), "backup b is not completed");
  EXPECT_EQ(body.at("code").as_string(), "backup-not-usable");
  EXPECT_TRUE(body.at("hint").is_string());
}

TEST(ErrorAnswerTest, AcceptIsReadWithItsParameters) {
  constexpr std::string_view type = "application/problem+json";
  EXPECT_TRUE(accepts("application/problem+json", type));
  EXPECT_TRUE(accepts("text/html, application/problem+json; q=0.8; x=y", type));
  EXPECT_FALSE(accepts("application/problem+json;q=0", type));
  EXPECT_FALSE(accepts("application/problem+json; q=0.000", type));
  EXPECT_FALSE(accepts("*/*", type)) << "who takes anything gets the contract's own form";
  EXPECT_FALSE(accepts("application/json", type));
  EXPECT_FALSE(accepts("", type));
  EXPECT_FALSE(accepts(",;,;=,", type));
}

TEST(BodyTest, OnlyAJsonObjectIsABody) {
  for (const std::string text : {"", " ", "{", "}", "[]", "\"x\"", "1", "null", "{\"a\":}", "{}x",
                                 "{\"a\":\"\xff\"}", "{'a':1}", "\xef\xbb\xbf{}"}) {
    const auto body = parse_body(text);
    ASSERT_FALSE(body) << text;
    EXPECT_EQ(body.error().code, ErrorCode::invalid_request);
  }
  EXPECT_FALSE(parse_body(std::string("{}\0", 3)));
  EXPECT_TRUE(parse_body(" {\"a\": [1, {}]} \r\n"));
  EXPECT_TRUE(parse_optional_body(""));
  EXPECT_TRUE(parse_optional_body(" \r\n"));
  EXPECT_FALSE(parse_optional_body("[]"));
}

TEST(BodyTest, DepthIsBounded) {
  const auto nested = [](std::size_t depth) {
    return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_TRUE(parse_body(nested(limits::json_depth_max)));
  const auto deeper = parse_body(nested(limits::json_depth_max + 1));
  ASSERT_FALSE(deeper);
  EXPECT_NE(deeper.error().message.find("32"), std::string::npos) << deeper.error().message;
}

TEST(BodyTest, MembersHaveTypes) {
  const auto object = boost::json::parse(R"({"a":"x","b":1,"c":null,"d":true})").as_object();
  EXPECT_EQ(**text_member(object, "a", ErrorCode::invalid_value), "x");
  EXPECT_EQ(text_member(object, "b", ErrorCode::invalid_value).error().code,
            ErrorCode::invalid_value);
  EXPECT_FALSE(*text_member(object, "c", ErrorCode::invalid_value));
  EXPECT_FALSE(*text_member(object, "z", ErrorCode::invalid_value));
  EXPECT_EQ(required_text(object, "c", ErrorCode::invalid_source).error().code,
            ErrorCode::invalid_source);
  EXPECT_TRUE(**flag_member(object, "d", ErrorCode::invalid_value));
  EXPECT_FALSE(flag_member(object, "a", ErrorCode::invalid_value));
  EXPECT_TRUE(check_name("name", "abc", 3, 65, ErrorCode::invalid_value));
  EXPECT_FALSE(check_name("name", "ab", 3, 65, ErrorCode::invalid_value));
  EXPECT_FALSE(check_name("name", std::string(66, 'a'), 3, 65, ErrorCode::invalid_value));
  EXPECT_FALSE(check_name("name", "ab\nc", 3, 65, ErrorCode::invalid_value));
}

TEST(UrlTest, SelfLinksUseTheHostThatWasAskedUnlessItIsOdd) {
  Request request;
  request.host = "db.example.org:8080";
  EXPECT_EQ(absolute_url(request, "/v1/x"), "http://db.example.org:8080/v1/x");
  for (const char* odd : {"", "a\"b", "a/b", "a b", "<script>"}) {
    request.host = odd;
    EXPECT_EQ(absolute_url(request, "/v1/x"), "http://localhost/v1/x");
  }
}

}  // namespace
}  // namespace restored::control
