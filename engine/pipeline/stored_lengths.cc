#include "pipeline/stored_lengths.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "pipeline/read_again.h"

namespace restored::pipeline {
namespace {

Result<void> adopt(std::span<const std::byte> tail, std::uint64_t object_bytes,
                   const format::ObjectSeal& seal, std::span<format::Frame> frames) {
  RESTORED_TRY(const auto table, format::decode_seek_table(tail, seal));
  const auto refuse = [&](std::string why) {
    return fail(ErrorCode::corruption, fmt::format("it does not fit its content: {}", why),
                "Verify the backups of this repository; remove those that share this object.");
  };
  if (table.size() != frames.size()) {
    return refuse(fmt::format("it has {} frames, not {}", table.size(), frames.size()));
  }
  std::uint64_t stored_bytes = 0;
  for (std::size_t index = 0; index < table.size(); ++index) {
    if (table[index].content_bytes != frames[index].content_bytes) {
      return refuse(fmt::format("the length of frame {} differs", index));
    }
    stored_bytes += table[index].stored_bytes;
  }
  if (stored_bytes + format::seek_table_bytes(table.size()) != object_bytes) {
    return refuse(fmt::format("it is {} bytes long", object_bytes));
  }
  for (std::size_t index = 0; index < table.size(); ++index) {
    frames[index].stored_bytes = table[index].stored_bytes;
  }
  return {};
}

}  // namespace

Result<bool> adopt_lengths(ObjectStore& store, Progress& progress, const std::string& object_key,
                           const format::ObjectSeal& seal, std::span<format::Frame> frames,
                           const StoreCall& call) {
  auto info = store.stat(object_key, call);
  if (!info && info.error().code == ErrorCode::object_not_found) return false;
  if (!info) return std::unexpected(std::move(info).error());
  const std::uint64_t table_bytes =
      std::min(info->size_bytes, format::seek_table_bytes(frames.size()));
  std::vector<std::byte> tail(table_bytes);
  const std::uint64_t offset = info->size_bytes - table_bytes;
  const auto check = [&] { return adopt(tail, info->size_bytes, seal, frames); };
  Result<void> found = store.read(object_key, offset, tail, call);
  if (found) found = check();
  if (!found) {
    const ObjectPart part{object_key, "seek table of " + object_key, offset, tail};
    found = read_again(store, progress, part, std::move(found).error(), check, call);
  }
  // A collection of another host has just removed it.
  if (!found && found.error().code == ErrorCode::object_not_found) return false;
  RESTORED_TRY(std::move(found));
  return true;
}

}  // namespace restored::pipeline
