#include "contents.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <memory>

#include "restored/record.h"

namespace restored::simulation {
namespace {

std::string key_of(std::size_t index) {
  return fmt::format("k{:03}", index);
}

// Every content has a first record; of the others each has its own choice.
bool has(std::uint64_t tag, std::size_t index) {
  return tag != 0 && (index == 0 || (tag * 0x9e3779b97f4a7c15 >> (index % 48)) % 4 != 0);
}

// Begins with the tag; the rest does not compress.
std::string value_of(std::uint64_t tag, std::size_t index, std::size_t bytes) {
  std::string value = fmt::format("{}:{}:", tag, index);
  std::uint64_t state = tag * 1'000'003 + index + 1;
  while (value.size() < bytes) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    value.append(reinterpret_cast<const char*>(&state), sizeof state);
  }
  return value;
}

std::string first_difference(std::uint64_t tag, const Shape& shape,
                             const std::map<std::string, std::string>& found) {
  std::size_t expected = 0;
  for (std::size_t i = 0; i < shape.records; ++i) {
    const auto record = found.find(key_of(i));
    const bool there = record != found.end();
    expected += has(tag, i) ? 1 : 0;
    if (there != has(tag, i))
      return fmt::format("content {} has {} {} record {}", tag, there ? "a" : "no", key_of(i), i);
    if (there && record->second != value_of(tag, i, shape.value_bytes))
      return fmt::format("content {} has in {} what begins {}", tag, key_of(i),
                         record->second.substr(0, record->second.find(':')));
  }
  if (found.size() != expected) return fmt::format("content {} has records of nobody", tag);
  return "";
}

}  // namespace

WriteSet change_to(std::uint64_t tag, const Shape& shape) {
  WriteSet changes;
  for (std::size_t i = 0; i < shape.records; ++i) {
    const std::string key = record::metadata_key(key_of(i));
    if (has(tag, i)) {
      changes.put(key, record::encode(record::Type::string, std::nullopt,
                                      value_of(tag, i, shape.value_bytes)));
    } else {
      changes.erase(key);
    }
  }
  return changes;
}

std::expected<std::uint64_t, Mixture> tag_of(const Generation& generation, const Shape& shape) {
  const Result<std::unique_ptr<RecordCursor>> cursor = generation.cursor();
  if (!cursor) return std::unexpected(Mixture{true, cursor.error().message});
  std::map<std::string, std::string> found;
  for ((*cursor)->seek(""); (*cursor)->valid(); (*cursor)->next()) {
    const Result<record::Metadata> metadata = record::decode((*cursor)->value());
    const auto key = record::user_key((*cursor)->key());
    if (!metadata || !key) return std::unexpected(Mixture{false, "a record that is not one"});
    found.emplace(std::string(*key), std::string(metadata->payload));
  }
  if (const Result<void> status = (*cursor)->status(); !status)
    return std::unexpected(Mixture{true, status.error().message});
  if (found.empty()) return 0;
  const std::string& first = found.begin()->second;
  std::uint64_t tag = 0;
  std::from_chars(first.data(), first.data() + first.size(), tag);
  if (tag == 0) return std::unexpected(Mixture{false, "a record that nobody wrote"});
  if (std::string wrong = first_difference(tag, shape, found); !wrong.empty())
    return std::unexpected(Mixture{false, std::move(wrong)});
  return tag;
}

}  // namespace restored::simulation
