// What holds for every route and for every connection, asked on bare sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdlib>
#include <map>
#include <set>

#include "contract.h"
#include "control/router.h"
#include "control_test.h"

namespace restored::control {
namespace {

class RoutesTest : public ControlTest {
 protected:
  std::string request(std::string_view method, std::string_view path, std::string_view more,
                      std::string_view body = {}) const {
    const std::string credentials =
        path.starts_with("/v2") ? basic("ops@example.org", admin_) : "Bearer " + admin_;
    return std::string(method) + " " + std::string(path) +
           " HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + credentials + "\r\n" +
           "Content-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more) + "\r\n" +
           std::string(body);
  }
  // Over a connection of its own; what openapi.json says of the answer holds.
  HttpAnswer ask(std::string_view method, std::string_view path) {
    RawClient client(tcp_address());
    client.send(request(method, path, "Connection: close\r\n"));
    std::string bytes = client.read_to_end().bytes;
    HttpAnswer answer = take_answer(bytes);
    EXPECT_EQ(bytes, "");
    EXPECT_THAT(contract_breaches(method, path, std::nullopt, answer), testing::IsEmpty())
        << method << " " << path;
    return answer;
  }
};

// A path of the pattern that names nothing.
std::string example_of(std::string_view pattern) {
  std::string path;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t begin = std::min(pattern.find('{', at), pattern.size());
    path += pattern.substr(at, begin - at);
    if (begin == pattern.size()) break;
    path += "nobody";
    at = pattern.find('}', begin) + 1;
  }
  return path;
}

TEST_F(RoutesTest, EveryPathAnswersHeadAsGetAndNoMethodThatItDoesNotHave) {
  std::map<std::string_view, std::set<std::string>> methods_of;
  for (const Route& route : routes()) {
    methods_of[route.pattern].emplace(route.method);
    if (route.method == "GET") methods_of[route.pattern].emplace("HEAD");
  }
  for (const auto& [pattern, methods] : methods_of) {
    const std::string path = example_of(pattern);
    std::string allowed;
    for (const std::string& method : methods) allowed += (allowed.empty() ? "" : ", ") + method;
    for (const char* method :
         {"OPTIONS", "HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "BREW"}) {
      if (methods.contains(method)) continue;
      const HttpAnswer refused = ask(method, path);
      EXPECT_EQ(refused.status, 405) << method << " " << path;
      EXPECT_EQ(refused.header("allow"), allowed) << method << " " << path;
    }
    if (!methods.contains("GET")) continue;
    const HttpAnswer whole = ask("GET", path);
    const HttpAnswer head = ask("HEAD", path);
    EXPECT_EQ(head.status, whole.status) << path;
    EXPECT_EQ(head.text, "") << path;
    EXPECT_EQ(head.header("content-type"), whole.header("content-type")) << path;
    EXPECT_TRUE(whole.status == 200 || whole.status == 404) << path << whole.text;
  }
}

TEST_F(RoutesTest, NoRouteAnswersWithoutCredentialsButTheProbes) {
  for (const Route& route : routes()) {
    RawClient client(unix_address());
    client.send(std::string(route.method) + " " + example_of(route.pattern) +
                " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    std::string bytes = client.read_to_end().bytes;
    const HttpAnswer answer = take_answer(bytes);
    EXPECT_EQ(answer.status, route.surface == Surface::probe ? 200 : 401)
        << route.method << " " << route.pattern;
  }
}

TEST_F(RoutesTest, TheDescriptionOfTheRoutesIsServed) {
  const HttpAnswer answer = get("/v1/openapi.json");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.word("openapi"), "3.1.0");
  EXPECT_EQ(call("HEAD", "/v1/openapi.json").header("content-length"),
            std::to_string(answer.text.size()));
  const std::string writer = new_token(static_cast<Scopes>(Scope::write));
  expect_error(call("GET", "/v1/openapi.json", {}, {"Authorization: Bearer " + writer}), 403,
               "permission-missing");
}

// Whether an answer stands there whole.
bool has_answer(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  constexpr std::string_view name = "Content-Length: ";
  const std::size_t length = bytes.find(name);
  const auto wanted = std::strtoull(bytes.data() + length + name.size(), nullptr, 10);
  return length < end && bytes.size() - end - 4 >= wanted;
}

class RoutesOnEitherTest : public RoutesTest, public testing::WithParamInterface<bool> {
 protected:
  std::string chosen() const { return GetParam() ? tcp_address() : unix_address(); }
};
INSTANTIATE_TEST_SUITE_P(Address, RoutesOnEitherTest, testing::Bool(),
                         [](const auto& test) { return test.param ? "Tcp" : "Unix"; });

TEST_P(RoutesOnEitherTest, OneConnectionCarriesTenThousandRequests) {
  constexpr int rounds = 100;
  constexpr int requests_in_a_round = 100;
  const std::string path = "/v1/databases/" + make_database("asked").value;
  RawClient client(chosen());
  std::string bytes;
  int answered = 0;
  for (int round = 0; round < rounds; ++round) {
    std::string requests;
    for (int index = 0; index < requests_in_a_round; ++index) {
      const std::string id = std::to_string(round * requests_in_a_round + index);
      requests += request("GET", index % 10 == 9 ? "/v1/databases/nobody" : path,
                          "X-Request-Id: n" + id + "\r\n");
    }
    ASSERT_TRUE(client.send(requests));
    for (int index = 0; index < requests_in_a_round; ++index) {
      while (!has_answer(bytes)) {
        const std::string more = client.read_until("}");
        ASSERT_FALSE(more.empty()) << "after " << answered << " answers";
        bytes += more;
      }
      const HttpAnswer answer = take_answer(bytes);
      ASSERT_EQ(answer.status, index % 10 == 9 ? 404 : 200) << answer.text;
      ASSERT_EQ(answer.header("x-request-id"), "n" + std::to_string(answered));
      ASSERT_TRUE(answer.body.is_object()) << answer.text;
      ++answered;
    }
  }
  EXPECT_EQ(answered, rounds * requests_in_a_round);
  EXPECT_EQ(bytes, "");
}

TEST_F(RoutesTest, AClientThatHasSaidAllReadsItsAnswer) {
  const DatabaseId database = make_database("asked");
  const BackupId backup = make_backup(database);
  const auto answer_to = [&](const std::string& text) {
    RawClient client(tcp_address());
    EXPECT_TRUE(client.send(text));
    client.finish_sending();
    const auto received = client.read_to_end();
    EXPECT_TRUE(received.closed);
    std::string bytes = received.bytes;
    return take_answer(bytes);
  };
  EXPECT_EQ(answer_to(request("GET", "/v1/databases", "")).status, 200);
  const std::string body = restore_body(database, backup);
  WritePermit permit = engine_->keyspace(database)->try_begin_write();  // the swap waits for it
  const HttpAnswer accepted = answer_to(request("POST", restore_path(database), "", body));
  EXPECT_EQ(accepted.status, 200) << accepted.text;
  // It is not kept waiting: a client that is gone looks the same.
  const HttpAnswer waited =
      answer_to(request("GET", accepted.header("operation-location") + "/wait?timeout=600", ""));
  EXPECT_EQ(waited.word("data.status"), "running") << waited.text;
  permit.release();
  EXPECT_EQ(ended_operation_of(accepted).state, OperationState::succeeded);
}

}  // namespace
}  // namespace restored::control
