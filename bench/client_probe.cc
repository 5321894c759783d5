#include "client_probe.h"

#include <fmt/core.h>

#include <algorithm>
#include <latch>

#include "restored/record.h"
#include "seeded_values.h"

namespace restored::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t probe_keys = 1000;
constexpr std::size_t probe_value_bytes = 100;

class LocalClient final : public Client {
 public:
  explicit LocalClient(std::shared_ptr<Keyspace> keyspace) : keyspace_(std::move(keyspace)) {}

  Result<void> get(const std::string& key) override {
    RESTORED_TRY(auto value, keyspace_->pin()->get(record::metadata_key(key)));
    return {};
  }
  Result<void> set(const std::string& key, const std::string& value) override {
    WriteSet changes;
    changes.put(record::metadata_key(key),
                record::encode(record::Type::string, std::nullopt, value));
    WritePermit permit = keyspace_->try_begin_write();
    while (!permit) {
      std::latch writable(1);
      keyspace_->when_writable([&] { writable.count_down(); });
      writable.wait();
      permit = keyspace_->try_begin_write();
    }
    return keyspace_->write(permit, changes, Durability::process);
  }

 private:
  std::shared_ptr<Keyspace> keyspace_;
};

struct FreeReply {
  void operator()(void* reply) const { ::freeReplyObject(reply); }
};
struct FreeContext {
  void operator()(::redisContext* context) const { ::redisFree(context); }
};

class SocketClient final : public Client {
 public:
  static Result<std::unique_ptr<Client>> open(std::uint16_t port, const std::string& password) {
    const ::timeval timeout{30, 0};
    std::unique_ptr<SocketClient> client(
        new SocketClient(::redisConnectWithTimeout("127.0.0.1", static_cast<int>(port), timeout)));
    if (!client->context_ || client->context_->err != 0) {
      return fail(ErrorCode::connection_failed, fmt::format("cannot connect to port {}", port));
    }
    ::redisSetTimeout(client->context_.get(), timeout);
    RESTORED_TRY(client->call("AUTH %b", password.data(), password.size()));
    return client;
  }

  Result<void> get(const std::string& key) override {
    return call("GET %b", key.data(), key.size());
  }
  Result<void> set(const std::string& key, const std::string& value) override {
    return call("SET %b %b", key.data(), key.size(), value.data(), value.size());
  }

 private:
  explicit SocketClient(::redisContext* context) : context_(context) {}

  template <class... Arguments>
  Result<void> call(const char* format, Arguments... arguments) {
    const std::unique_ptr<void, FreeReply> raw(
        ::redisCommand(context_.get(), format, arguments...));
    if (!raw) return fail(ErrorCode::connection_failed, context_->errstr);
    const auto* reply = static_cast<const ::redisReply*>(raw.get());
    if (reply->type != REDIS_REPLY_ERROR) return {};
    return fail(ErrorCode::invalid_request, std::string(reply->str, reply->len));
  }

  std::unique_ptr<::redisContext, FreeContext> context_;
};

}  // namespace

std::unique_ptr<Client> local_client(std::shared_ptr<Keyspace> keyspace) {
  return std::make_unique<LocalClient>(std::move(keyspace));
}

Result<std::unique_ptr<Client>> socket_client(std::uint16_t port, const std::string& password) {
  return SocketClient::open(port, password);
}

double ClientReport::longest_seconds() const {
  return std::max(longest_read_seconds, longest_write_seconds);
}

ClientProbe::ClientProbe(std::unique_ptr<Client> client, std::chrono::microseconds pace)
    : client_(std::move(client)),
      thread_([this, pace](std::stop_token stop) { run(std::move(stop), pace); }) {}

ClientReport ClientProbe::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(report_, {});
}

void ClientProbe::run(std::stop_token stop, std::chrono::microseconds pace) {
  SeededBytes random(1);
  const std::string value(probe_value_bytes, 'p');
  auto next = Clock::now();
  for (std::uint64_t count = 0; !stop.stop_requested(); ++count) {
    // The pace of a load, not a way to wait for something.
    std::this_thread::sleep_until(next);
    next = std::max(next + pace, Clock::now());
    const std::string key = fmt::format("{}{}", probe_key_prefix, random.next() % probe_keys);
    const bool write = count % 2 == 1;
    const auto begin = Clock::now();
    const Result<void> done = write ? client_->set(key, value) : client_->get(key);
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    const std::lock_guard lock(mutex_);
    ++report_.requests;
    double& longest = write ? report_.longest_write_seconds : report_.longest_read_seconds;
    longest = std::max(longest, seconds);
    if (!done && report_.failures++ == 0) report_.first_failure = done.error().message;
  }
}

}  // namespace restored::bench
