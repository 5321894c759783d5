#include "test_database.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <latch>
#include <thread>
#include <vector>

#include "client_probe.h"
#include "format/hash.h"
#include "restored/record.h"
#include "seeded_values.h"

namespace restored::bench {
namespace {

constexpr std::uint64_t batch_bytes = 1 * kMiB;
constexpr std::uint64_t other_records = 1000;
constexpr std::uint64_t other_value_bytes = 1000;

std::string encoded(std::string_view value) {
  return record::encode(record::Type::string, std::nullopt, value);
}

Result<void> write(Keyspace& keyspace, const WriteSet& changes) {
  WritePermit permit = keyspace.try_begin_write();
  while (!permit) {
    std::latch writable(1);
    keyspace.when_writable([&] { writable.count_down(); });
    writable.wait();
    permit = keyspace.try_begin_write();
  }
  return keyspace.write(permit, changes, Durability::process);
}

std::uint64_t bytes_below(const std::string& directory) {
  std::uint64_t bytes = 0;
  std::error_code error;  // files come and go meanwhile
  for (std::filesystem::recursive_directory_iterator entry(directory, error), end; entry != end;
       entry.increment(error)) {
    if (error) return bytes;
    const auto size = entry->is_regular_file(error) ? entry->file_size(error) : 0;
    if (!error) bytes += size;
  }
  return bytes;
}

}  // namespace

Result<void> fill(Keyspace& keyspace, const Content& content) {
  SeededBytes seeded(42);
  std::string value(content.value_bytes, '\0');
  const std::uint64_t records = content.bytes / std::max<std::uint64_t>(1, content.value_bytes);
  const std::uint64_t batch = std::max<std::uint64_t>(1, batch_bytes / content.value_bytes);
  for (std::uint64_t first = 0; first < records; first += batch) {
    WriteSet changes;
    for (std::uint64_t index = first; index < std::min(records, first + batch); ++index) {
      seeded.fill(std::as_writable_bytes(std::span(value)), 1 - content.compressible);
      changes.put(record::metadata_key(fmt::format("key:{:012}", index)), encoded(value));
    }
    RESTORED_TRY(write(keyspace, changes));
  }
  return {};
}

Result<void> replace_content(Keyspace& keyspace, const std::string& state_directory) {
  WriteSet other;
  for (std::uint64_t index = 0; index < other_records; ++index) {
    other.put(record::metadata_key(fmt::format("other:{}", index)),
              encoded(std::string(other_value_bytes, 'o')));
  }
  // Twice: the first replacement keeps what it replaced, to be taken back.
  RESTORED_TRY(keyspace.replace_all(other, {}));
  RESTORED_TRY(keyspace.replace_all(other, {}));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
  while (bytes_below(state_directory + "/databases") > 64 * kMiB) {
    if (std::chrono::steady_clock::now() > deadline) {
      return fail(ErrorCode::timed_out, "the replaced generation's files are still there");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // deletion is paced
  }
  return {};
}

Result<ContentHash> content_hash(const Keyspace& keyspace) {
  ContentHash hash;
  std::uint64_t chained = 0;
  RESTORED_TRY(const auto cursor, keyspace.pin()->cursor());
  const std::string probe = record::metadata_key(probe_key_prefix);
  for (cursor->seek(""); cursor->valid(); cursor->next()) {
    if (cursor->key().starts_with(probe)) continue;
    chained = format::hash64(std::as_bytes(std::span(cursor->key())), chained);
    chained = format::hash64(std::as_bytes(std::span(cursor->value())), chained);
    ++hash.records;
  }
  RESTORED_TRY(cursor->status());
  hash.hex = fmt::format("{:016x}", chained);
  return hash;
}

Result<OperationView> wait_for(Engine& engine, const OperationId& id) {
  while (true) {
    RESTORED_TRY(OperationView view, engine.wait_operation(id, std::chrono::seconds(60), {}));
    if (view.state == OperationState::running) continue;
    if (view.state == OperationState::succeeded) return view;
    if (view.error) return std::unexpected(*view.error);
    return fail(ErrorCode::cancelled, fmt::format("operation {} was cancelled", id.value));
  }
}

}  // namespace restored::bench
