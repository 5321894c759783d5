// curl and hiredis behind the harness's functions.
#include <hiredis/hiredis.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "daemon_process.h"

namespace restored::system_test {
namespace {

std::string quoted(const std::string& word) {
  std::string result = "'";
  for (const char c : word) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string run(const std::string& command) {
  std::string output;
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  std::array<char, 4096> chunk{};
  while (const std::size_t bytes = std::fread(chunk.data(), 1, chunk.size(), pipe)) {
    output.append(chunk.data(), bytes);
  }
  ::pclose(pipe);
  return output;
}

std::string text_of(const redisReply* reply) {
  switch (reply->type) {
    case REDIS_REPLY_STATUS:
    case REDIS_REPLY_STRING:
      return std::string(reply->str, reply->len);
    case REDIS_REPLY_ERROR:
      return "(error) " + std::string(reply->str, reply->len);
    case REDIS_REPLY_INTEGER:
      return "(integer) " + std::to_string(reply->integer);
    case REDIS_REPLY_NIL:
      return "(nil)";
    default: {
      std::string joined;
      for (std::size_t i = 0; i < reply->elements; ++i) {
        if (i > 0) joined += '\n';
        joined += text_of(reply->element[i]);
      }
      return joined;
    }
  }
}

struct ReplyDeleter {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, ReplyDeleter>;

Reply send(redisContext* context, const std::vector<std::string>& arguments) {
  std::vector<const char*> words;
  std::vector<std::size_t> lengths;
  for (const std::string& argument : arguments) {
    words.push_back(argument.data());
    lengths.push_back(argument.size());
  }
  void* reply =
      redisCommandArgv(context, static_cast<int>(words.size()), words.data(), lengths.data());
  return Reply(static_cast<redisReply*>(reply));
}

}  // namespace

const boost::json::value* HttpAnswer::find(std::string_view path) const {
  const boost::json::value* here = &body;
  while (here != nullptr && !path.empty()) {
    const std::size_t dot = path.find('.');
    const std::string_view name = path.substr(0, dot);
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
    here = here->is_object() ? here->get_object().if_contains(name) : nullptr;
  }
  return here;
}

std::string HttpAnswer::at(std::string_view path) const {
  const boost::json::value* value = find(path);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

HttpAnswer parse_http(const std::string& raw) {
  HttpAnswer answer;
  const std::size_t end = raw.find("\r\n\r\n");
  if (end == std::string::npos || raw.size() < 12) return answer;
  answer.status = std::atoi(raw.c_str() + raw.find(' ') + 1);
  std::size_t line = raw.find("\r\n") + 2;
  while (line < end + 2) {
    const std::size_t next = raw.find("\r\n", line);
    const std::size_t colon = raw.find(": ", line);
    if (colon != std::string::npos && colon < next) {
      std::string name = raw.substr(line, colon - line);
      std::ranges::transform(name, name.begin(),
                             [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
      answer.headers[name] = raw.substr(colon + 2, next - colon - 2);
    }
    line = next + 2;
  }
  answer.text = raw.substr(end + 4);
  boost::system::error_code error;
  answer.body = boost::json::parse(answer.text, error);
  if (error) answer.body = nullptr;
  return answer;
}

HttpAnswer http(const DaemonProcess& daemon, std::string_view method, const std::string& path,
                const std::string& body, const std::vector<std::string>& headers) {
  std::string command = "curl -sS -i --max-time 130 --unix-socket " + quoted(daemon.socket()) +
                        " -X " + std::string(method);
  bool authorized = false;
  for (const std::string& header : headers) {
    authorized = authorized || header.starts_with("Authorization");
    command += " -H " + quoted(header);
  }
  if (!authorized) command += " -H " + quoted("Authorization: Bearer " + daemon.token());
  if (!body.empty()) {
    command += " -H 'Content-Type: application/json' --data-binary " + quoted(body);
  }
  // An agent that is not there is a normal finding for a test that kills it; why is in the text.
  const std::string output = run(command + " " + quoted("http://localhost" + path) + " 2>&1");
  HttpAnswer answer = parse_http(output);
  if (answer.status == 0) answer.text = output;
  return answer;
}

std::string operation_of(const HttpAnswer& answer) {
  const auto location = answer.headers.find("operation-location");
  if (location == answer.headers.end()) return "";
  return location->second.substr(location->second.rfind('/') + 1);
}

boost::json::object wait_operation(const DaemonProcess& daemon, const std::string& id,
                                   std::chrono::seconds deadline) {
  const HttpAnswer answer = http(
      daemon, "GET", "/v1/operations/" + id + "/wait?timeout=" + std::to_string(deadline.count()));
  const boost::json::value* data = answer.find("data");
  return data != nullptr && data->is_object() ? data->get_object() : boost::json::object{};
}

RedisClient::RedisClient(int port, const std::string& password)
    : context_(redisConnectWithTimeout("127.0.0.1", port, timeval{10, 0})) {
  if (!ok()) return;
  redisSetTimeout(context_, timeval{60, 0});
  if (command({"AUTH", password}) != "OK") {
    redisFree(context_);
    context_ = nullptr;
  }
}

RedisClient::RedisClient(RedisClient&& other) noexcept
    : context_(std::exchange(other.context_, nullptr)) {}

RedisClient::~RedisClient() {
  if (context_ != nullptr) redisFree(context_);
}

bool RedisClient::ok() const {
  return context_ != nullptr && context_->err == 0;
}

std::string RedisClient::command(const std::vector<std::string>& arguments) {
  if (!ok()) return "(disconnected) before";
  const Reply reply = send(context_, arguments);
  if (!reply) return std::string("(disconnected) ") + context_->errstr;
  return text_of(reply.get());
}

bool RedisClient::load(const std::vector<std::pair<std::string, std::string>>& pairs) {
  if (!ok()) return false;
  constexpr std::size_t pipeline = 256;
  for (std::size_t begin = 0; begin < pairs.size(); begin += pipeline) {
    const std::size_t end = std::min(begin + pipeline, pairs.size());
    for (std::size_t i = begin; i < end; ++i) {
      redisAppendCommand(context_, "SET %b %b", pairs[i].first.data(), pairs[i].first.size(),
                         pairs[i].second.data(), pairs[i].second.size());
    }
    for (std::size_t i = begin; i < end; ++i) {
      void* raw = nullptr;
      if (redisGetReply(context_, &raw) != REDIS_OK) return false;
      const Reply reply(static_cast<redisReply*>(raw));
      if (text_of(reply.get()) != "OK") return false;
    }
  }
  return true;
}

std::optional<std::map<std::string, std::string>> RedisClient::content() {
  std::map<std::string, std::string> all;
  std::string cursor = "0";
  do {
    const Reply page = send(context_, {"SCAN", cursor, "COUNT", "1000"});
    if (!page || page->type != REDIS_REPLY_ARRAY || page->elements != 2) return std::nullopt;
    cursor = text_of(page->element[0]);
    std::vector<std::string> request = {"MGET"};
    for (std::size_t i = 0; i < page->element[1]->elements; ++i) {
      request.push_back(text_of(page->element[1]->element[i]));
    }
    if (request.size() == 1) continue;
    const Reply values = send(context_, request);
    if (!values || values->elements != request.size() - 1) return std::nullopt;
    for (std::size_t i = 0; i < values->elements; ++i) {
      if (values->element[i]->type == REDIS_REPLY_NIL) continue;
      all[request[i + 1]] = text_of(values->element[i]);
    }
  } while (cursor != "0");
  return all;
}

std::vector<std::pair<std::string, std::string>> seeded_pairs(const std::string& prefix,
                                                              std::size_t count,
                                                              std::size_t value_bytes,
                                                              unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_int_distribution<int> letter(0, 63);
  std::vector<std::pair<std::string, std::string>> pairs;
  pairs.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    std::string value(value_bytes, ' ');
    for (char& c : value) c = static_cast<char>('0' + letter(generator));
    pairs.emplace_back(prefix + std::to_string(i), std::move(value));
  }
  return pairs;
}

}  // namespace restored::system_test
