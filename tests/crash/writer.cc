#include "writer.h"

#include <chrono>
#include <cstdlib>
#include <optional>
#include <random>
#include <thread>

namespace restored::crash_test {
namespace {

using system_test::RedisClient;

constexpr int keys = 24;  // of one writer
constexpr int value_bytes_max = 600;
constexpr int pause_micros_max = 2500;

Transaction random_transaction(World& world, std::size_t writer, std::mt19937_64& random) {
  const auto below = [&random](int bound) {
    return static_cast<int>(random() % static_cast<std::uint64_t>(bound));
  };
  Transaction transaction;
  const int changes = 1 + below(3);
  for (int i = 0; i < changes; ++i) {
    const std::string key = prefix_of(writer) + std::to_string(below(keys));
    // The first one is never a deletion: each transaction leaves its trace.
    if (i > 0 && below(5) == 0) {
      transaction.emplace_back(key, std::nullopt);
    } else {
      std::string value = world.unique() + ":";
      value.resize(value.size() + static_cast<std::size_t>(below(value_bytes_max)), '.');
      transaction.emplace_back(key, std::move(value));
    }
  }
  return transaction;
}

// Sends it as MULTI ... INFO, EXEC: the generation that INFO tells is the one that EXEC wrote to.
std::string run(RedisClient& client, const Transaction& transaction) {
  std::string answer = client.command({"MULTI"});
  if (answer != "OK") return answer;
  for (const auto& [key, value] : transaction) {
    answer = value ? client.command({"SET", key, *value}) : client.command({"DEL", key});
    if (answer != "QUEUED") return answer;
  }
  answer = client.command({"INFO", "restore"});
  return answer == "QUEUED" ? client.command({"EXEC"}) : answer;
}

std::optional<std::uint64_t> generation_in(const std::string& answer) {
  constexpr std::string_view label = "\ngeneration:";
  const std::size_t at = answer.find(label);
  if (at == std::string::npos) return std::nullopt;
  return std::strtoull(answer.c_str() + at + label.size(), nullptr, 10);
}

}  // namespace

void write_until_gone(World& world, Loaded& database, std::size_t writer, RedisClient client,
                      std::uint64_t seed) {
  std::mt19937_64 random(seed);
  while (client.ok() && !world.resting()) {
    const Transaction transaction = random_transaction(world, writer, random);
    const auto began = std::chrono::steady_clock::now();
    database.model->begin(writer, transaction);
    const std::string answer = run(client, transaction);
    if (answer.starts_with("(disconnected)")) return;
    const auto generation = generation_in(answer);
    if (!generation) {
      database.model->refused(writer);
      return world.wrong("a writer of " + database.id + " was told: " + answer);
    }
    database.model->acknowledged(writer, *generation, began);
    std::this_thread::sleep_for(
        std::chrono::microseconds(random() % static_cast<unsigned>(pause_micros_max)));
  }
}

}  // namespace restored::crash_test
