#include "pipeline/file_encoder.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/plan.h"
#include "restored/limits.h"

namespace restored::pipeline {
namespace {

constexpr std::uint64_t read_frames = limits::local_read_bytes / limits::frame_bytes;
constexpr std::uint64_t stored_bytes_max = read_frames * limits::frame_stored_bytes_max;
static_assert(limits::local_read_bytes + stored_bytes_max <= limits::range_lease_bytes_max,
              "what holds a range holds an upload's lease");

Result<void> check_same(const UploadFile& file, std::uint64_t index,
                        std::span<const std::byte> content, const format::Frame& frame) {
  if (format::frame_hash(content, index) == frame.hash) return {};
  return fail(ErrorCode::corruption,
              fmt::format("frame {} of {} changed while it was read", index, file.path));
}

}  // namespace

Result<FileEncoder> FileEncoder::make(const UploadEnvironment& environment, std::stop_token stop) {
  RESTORED_TRY(MemoryLease memory,
               environment.budget.acquire(limits::local_read_bytes + stored_bytes_max, stop));
  return FileEncoder(environment, std::move(memory));
}

FileEncoder::FileEncoder(const UploadEnvironment& environment, MemoryLease memory)
    : environment_(environment),
      memory_(std::move(memory)),
      content_(memory_.bytes().first(limits::local_read_bytes)),
      stored_(memory_.bytes().subspan(limits::local_read_bytes)),
      encoder_(environment.zstd_level) {}

Result<UploadedFile> FileEncoder::hash(const UploadFile& file, std::stop_token stop) {
  RESTORED_TRY(file_, environment_.files.open(file.path, io::Access::read, io::Caching::buffered));
  RESTORED_TRY(const std::uint64_t size_bytes, file_->size());
  if (size_bytes != file.size_bytes) {
    return fail(ErrorCode::corruption,
                fmt::format("{} is {} bytes long, not {}", file.path, size_bytes, file.size_bytes));
  }
  UploadedFile hashed;
  hashed.frames.reserve(format::frames_of(file.size_bytes));
  RESTORED_TRY(
      for_each_frame(file, std::move(stop),
                     [&](std::uint64_t index, std::span<const std::byte> content) -> Result<void> {
                       BusyTimer busy(environment_.progress, Stage::encode);
                       format::Frame frame;
                       frame.content_bytes = static_cast<std::uint32_t>(content.size());
                       frame.hash = format::frame_hash(content, index);
                       hashed.frames.push_back(frame);
                       return {};
                     }));
  hashed.content = format::content_id(file.size_bytes, hashed.frames);
  return hashed;
}

Result<void> FileEncoder::encode(const UploadFile& file, UploadedFile& uploaded,
                                 std::stop_token stop) {
  RESTORED_TRY(auto object, environment_.store.upload(format::object_key(uploaded.content), stop));
  const auto append = [&](std::span<const std::byte> bytes) -> Result<void> {
    BusyTimer busy(environment_.progress, Stage::store);
    RESTORED_TRY(object->append(bytes));
    uploaded.uploaded_bytes += bytes.size();
    environment_.progress.bytes_transferred.fetch_add(bytes.size(), std::memory_order_relaxed);
    return {};
  };
  std::vector<std::uint32_t> sums;
  sums.reserve(uploaded.frames.size());
  std::size_t filled = 0;
  RESTORED_TRY(for_each_frame(
      file, std::move(stop),
      [&](std::uint64_t index, std::span<const std::byte> content) -> Result<void> {
        format::Frame& frame = uploaded.frames[index];
        {
          BusyTimer busy(environment_.progress, Stage::encode);
          RESTORED_TRY(check_same(file, index, content, frame));
          frame.stored_bytes =
              static_cast<std::uint32_t>(encoder_.encode(content, stored_.subspan(filled)));
          sums.push_back(format::seek_table_sum(content));
        }
        filled += frame.stored_bytes;
        uploaded.stored_bytes += frame.stored_bytes;
        environment_.progress.bytes_done.fetch_add(content.size(), std::memory_order_relaxed);
        if (stored_.size() - filled >= limits::frame_stored_bytes_max) return {};
        return append(stored_.first(std::exchange(filled, 0)));
      }));
  RESTORED_TRY(append(stored_.first(filled)));
  const std::string table = format::encode_seek_table(uploaded.frames, sums);
  RESTORED_TRY(append(std::as_bytes(std::span(table))));
  BusyTimer busy(environment_.progress, Stage::store);
  return object->commit({});
}

void FileEncoder::end_file() {
  if (file_) file_->drop_cache();
  file_.reset();
}

Result<void> FileEncoder::for_each_frame(
    const UploadFile& file, std::stop_token stop,
    const std::function<Result<void>(std::uint64_t, std::span<const std::byte>)>& visit) {
  std::uint64_t index = 0;
  for (std::uint64_t offset = 0; offset < file.size_bytes;) {
    if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
    const auto bytes =
        content_.first(std::min<std::uint64_t>(content_.size(), file.size_bytes - offset));
    {
      BusyTimer busy(environment_.progress, Stage::fetch);
      RESTORED_TRY(file_->read_at(offset, bytes));
    }
    for (std::size_t at = 0; at < bytes.size(); at += limits::frame_bytes, ++index) {
      RESTORED_TRY(visit(
          index, bytes.subspan(at, std::min<std::size_t>(limits::frame_bytes, bytes.size() - at))));
    }
    offset += bytes.size();
  }
  return {};
}

}  // namespace restored::pipeline
