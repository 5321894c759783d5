#include "control_test.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>

#include "base/log.h"
#include "contract.h"

namespace restored::control {
namespace {

std::string base64(std::string_view text) {
  static constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6;) out += digits[bits >> (count -= 6) & 63];
  }
  if (count > 0) out += digits[bits << (6 - count) & 63];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

bool over_tcp() {
  return std::getenv("RESTORED_TEST_OVER_TCP") != nullptr;
}

// ISO 8601 with milliseconds, in UTC.
bool is_time(std::string_view text) {
  static constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd.dddZ";
  return std::ranges::equal(text, shape, [](char c, char wanted) {
    return wanted == 'd' ? c >= '0' && c <= '9' : c == wanted;
  });
}

bool has_type(const boost::json::value& value, std::string_view type) {
  if (type == "string") return value.is_string();
  if (type == "number") return value.is_number();
  if (type == "integer") return value.is_int64() || value.is_uint64();
  if (type == "bool") return value.is_bool();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  if (type == "null") return value.is_null();
  return type == "time" && value.is_string() && is_time(value.get_string());
}

bool has_one_of(const boost::json::value& value, std::string_view types) {
  while (!types.empty()) {
    const std::size_t bar = types.find('|');
    if (has_type(value, types.substr(0, bar))) return true;
    types = bar == std::string_view::npos ? std::string_view() : types.substr(bar + 1);
  }
  return false;
}

}  // namespace

const Members database_members{{"id", "string"},         {"type", "string"},
                               {"url", "string"},        {"name", "string"},
                               {"status", "string"},     {"createdAt", "time"},
                               {"isDefault", "bool"},    {"defaultConnectionId", "string|null"},
                               {"connections", "array"}, {"project", "object"},
                               {"region", "object"},     {"source", "object"},
                               {"branchId", "null"},     {"logicalId", "string|null"}};
const Members connection_members{{"id", "string"},        {"type", "string"},    {"url", "string"},
                                 {"name", "string"},      {"createdAt", "time"}, {"kind", "string"},
                                 {"endpoints", "object"}, {"database", "object"}};
const Members backup_members{{"id", "string"},      {"type", "string"},  {"backupType", "string"},
                             {"createdAt", "time"}, {"size", "integer"}, {"status", "string"}};
const Members backup_details_members = [] {
  Members members = backup_members;
  members.insert(members.end(), {{"url", "string"},
                                 {"name", "string"},
                                 {"databaseId", "string"},
                                 {"databaseName", "string"},
                                 {"contentBytes", "integer"},
                                 {"uploadedBytes", "integer"},
                                 {"files", "integer"},
                                 {"entries", "integer"},
                                 {"operationId", "string|null"},
                                 {"scheduled", "bool"},
                                 {"error", "object|null"}});
  return members;
}();
const Members operation_members{{"id", "string"},
                                {"type", "string"},
                                {"url", "string"},
                                {"kind", "string"},
                                {"status", "string"},
                                {"phase", "string"},
                                {"databaseId", "string"},
                                {"sourceDatabaseId", "string|null"},
                                {"backupId", "string|null"},
                                {"bytesDone", "integer"},
                                {"bytesTotal", "integer"},
                                {"bytesReused", "integer"},
                                {"bytesTransferred", "integer"},
                                {"bytesPerSecond", "number"},
                                {"filesDone", "integer"},
                                {"filesTotal", "integer"},
                                {"etaSeconds", "number|null"},
                                {"attempts", "integer"},
                                {"waitingOn", "string|null"},
                                {"waitingSince", "time|null"},
                                {"waitAttempts", "integer|null"},
                                {"queuePosition", "integer|null"},
                                {"heldUntil", "time|null"},
                                {"hooks", "array"},
                                {"bandwidthBytesPerSecond", "integer"},
                                {"error", "object|null"},
                                {"busySeconds", "object"},
                                {"peakMemoryBytes", "integer"},
                                {"swapPauseSeconds", "number"},
                                {"mayCancel", "bool"},
                                {"principal", "string"},
                                {"createdAt", "time"},
                                {"updatedAt", "time"},
                                {"endedAt", "time|null"}};

void expect_members(const boost::json::value& value, const Members& members) {
  ASSERT_TRUE(value.is_object()) << boost::json::serialize(value);
  const boost::json::object& object = value.get_object();
  for (const auto& [name, type] : members) {
    const boost::json::value* member = object.if_contains(name);
    if (member == nullptr) {
      ADD_FAILURE() << name << " is missing in " << boost::json::serialize(value);
      continue;
    }
    EXPECT_TRUE(has_one_of(*member, type))
        << name << " is not " << type << " but " << boost::json::serialize(*member);
  }
  for (const auto& member : object) {
    const std::string_view name(member.key());
    EXPECT_TRUE(std::any_of(members.begin(), members.end(),
                            [&](const auto& known) { return known.first == name; }))
        << name << " does not belong there";
  }
}

void expect_error(const HttpAnswer& answer, int status, std::string_view code) {
  EXPECT_EQ(answer.status, status) << answer.text;
  EXPECT_EQ(answer.header("content-type"), "application/json");
  EXPECT_EQ(answer.word("error.code"), code) << answer.text;
  EXPECT_FALSE(answer.word("error.message").empty()) << answer.text;
  EXPECT_FALSE(answer.header("x-request-id").empty());
  if (!answer.at("error").is_object()) return;
  for (const auto& member : answer.at("error").get_object()) {
    const std::string_view name(member.key());
    EXPECT_TRUE(name == "code" || name == "message" || name == "hint") << name;
    EXPECT_TRUE(member.value().is_string());
  }
}

void expect_second_error(const HttpAnswer& answer, int status) {
  EXPECT_EQ(answer.status, status) << answer.text;
  expect_members(answer.body, {{"error", "string"}});
  EXPECT_FALSE(answer.word("error").empty());
}

void ControlTest::SetUp() {
  start();
}
void ControlTest::TearDown() {
  stop();
}

void ControlTest::start() {
  log::set_level(log::Level::error);
  EngineOptions engine;
  engine.state_directory = directory_.file("state");
  engine.repository_url = "file://" + directory_.file("repository");
  engine.memory_budget_bytes = limits::memory_budget_bytes_min;
  engine.block_cache_bytes = 8 * kMiB;
  engine.space_reserve_bytes = 0;
  ControlOptions control;
  control.listen = {"unix:" + socket_path(), "tcp:127.0.0.1:0"};
  control.data = DataEndpoint{"127.0.0.1", 6399};
  configure(engine, control);
  auto opened = open(engine);
  ASSERT_TRUE(opened) << opened.error().message;
  engine_ = std::move(*opened);
  const auto admin = engine_->ensure_admin_token([this](const std::string& secret) -> Result<void> {
    admin_ = secret;
    return {};
  });
  ASSERT_TRUE(admin);
  auto started = ControlServer::start(*engine_, control);
  ASSERT_TRUE(started) << started.error().message;
  server_ = std::move(*started);
  server_->set_ready(true);
}

void ControlTest::stop() {
  if (server_) server_->stop();
  server_.reset();
  if (!engine_) return;
  EXPECT_TRUE(engine_->close());
  engine_.reset();
}

std::string ControlTest::address() const {
  return over_tcp() ? tcp_address() : unix_address();
}

std::vector<std::string> ControlTest::curl_address() const {
  if (over_tcp()) return {"--connect-to", "localhost:80:" + tcp_address().substr(4)};
  return {"--unix-socket", socket_path()};
}

std::string ControlTest::peer_begin() const {
  return over_tcp() ? "peer=127.0.0.1:" : "uid=" + std::to_string(::getuid()) + " pid=";
}

std::string ControlTest::basic(std::string_view user, std::string_view key) const {
  return "Basic " + base64(std::string(user) + ":" + std::string(key));
}

HttpAnswer ControlTest::call(std::string_view method, std::string_view path,
                             const std::optional<std::string>& body, const Headers& headers) {
  std::vector<std::string> arguments = curl_address();
  if (method == "HEAD") {
    arguments.push_back("--head");
  } else {
    arguments.insert(arguments.end(), {"--request", std::string(method)});
  }
  bool authorized = false;
  for (const std::string& header : headers) {
    arguments.insert(arguments.end(), {"--header", header});
    authorized = authorized || header.starts_with("Authorization:");
  }
  if (!authorized) {
    const bool second = path.starts_with("/v2");
    arguments.insert(arguments.end(),
                     {"--header", "Authorization: " + (second ? basic("ops@example.org", admin_)
                                                              : "Bearer " + admin_)});
  }
  if (body) {
    test::write_file(directory_.file("body"), *body);
    arguments.insert(arguments.end(), {"--data-binary", "@" + directory_.file("body")});
  }
  arguments.push_back("http://localhost" + std::string(path));
  HttpAnswer answer = curl(arguments);
  for (const std::string& breach : contract_breaches(method, path, body, answer)) {
    ADD_FAILURE() << method << " " << path << " answers " << answer.status
                  << " as openapi.json does not say: " << breach;
  }
  return answer;
}

std::string ControlTest::new_token(Scopes scopes) {
  const auto made = engine_->create_token("test", scopes);
  EXPECT_TRUE(made);
  return made ? made->secret : std::string();
}

DatabaseId ControlTest::make_database(const std::string& name, int records) {
  CreateDatabase request;
  request.name = name;
  const auto made = engine_->create_database(std::move(request), "test");
  EXPECT_TRUE(made);
  if (!made) return {};
  write_records(made->info.id, "key", records);
  return made->info.id;
}

void ControlTest::write_records(const DatabaseId& database, const std::string& prefix, int count) {
  const auto keyspace = engine_->keyspace(database);
  ASSERT_TRUE(keyspace);
  WriteSet changes;
  for (int index = 0; index < count; ++index) {
    changes.put("k" + prefix + std::to_string(index), std::string("\x10", 1) + "value");
  }
  const WritePermit permit = keyspace->try_begin_write();
  ASSERT_TRUE(permit);
  ASSERT_TRUE(keyspace->write(permit, changes, Durability::process));
}

OperationView ControlTest::ended(const OperationId& operation) {
  const auto view = engine_->wait_operation(operation, std::chrono::seconds(60), std::stop_token());
  EXPECT_TRUE(view);
  if (!view) return {};
  EXPECT_NE(view->state, OperationState::running);
  return *view;
}

OperationView ControlTest::ended_operation_of(const HttpAnswer& answer) {
  const std::string location = answer.header("operation-location");
  EXPECT_TRUE(location.starts_with("/v1/operations/")) << location << answer.text;
  if (location.size() < 16) return {};
  EXPECT_EQ(answer.header("link"), "<" + location + ">; rel=\"monitor\"");
  return ended(OperationId(location.substr(15)));
}

BackupId ControlTest::make_backup(const DatabaseId& database) {
  const auto started = engine_->start_backup(database, "made by a test", "test");
  EXPECT_TRUE(started) << started.error().message;
  if (!started) return {};
  const OperationView view = ended(started->id);
  EXPECT_EQ(view.state, OperationState::succeeded);
  return view.backup;
}

std::string ControlTest::restore_body(const DatabaseId& source, const BackupId& backup) const {
  return R"({"source":{"type":"backup","databaseId":"db_)" + source.value + R"(","backupId":")" +
         backup.value + "\"}}";
}

std::string ControlTest::restore_path(const DatabaseId& target) const {
  return "/v1/databases/db_" + target.value + "/restore";
}

}  // namespace restored::control
