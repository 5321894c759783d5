#include "pipeline/file_encoder.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "restored/limits.h"

namespace restored::pipeline {
namespace {

// A part is full when it has so many bytes; the frame that fills it may be a large one.
constexpr std::uint64_t part_room = limits::upload_part_bytes + limits::frame_stored_bytes_max;

Result<void> check_same(const UploadFile& file, std::uint64_t index,
                        std::span<const std::byte> content, const format::Frame& frame) {
  if (format::frame_hash(content, index) == frame.hash) return {};
  return fail(ErrorCode::corruption,
              fmt::format("frame {} of {} changed while it was read", index, file.path));
}

}  // namespace

struct FileEncoder::Object {
  ObjectUpload& upload;
  UploadedFile& uploaded;
  std::vector<std::uint32_t> sums;
  std::size_t filled = 0;           // of stored_
  std::uint64_t content_bytes = 0;  // in those
  std::uint64_t content_bytes_stored = 0;
};

std::uint64_t FileEncoder::lease_bytes_max() {
  return limits::local_read_bytes + part_room;
}

FileEncoder::FileEncoder(const UploadEnvironment& environment, EncodeTurns& turns)
    : environment_(environment),
      turns_(turns),
      encoder_(environment.zstd_level),
      namer_(environment.data_key) {}

// A lease a file, not one for the run: between two files others have their turn.
Result<void> FileEncoder::acquire_memory(const UploadFile& file, const std::stop_token& stop) {
  const std::uint64_t frames = format::frames_of(file.size_bytes);
  const std::uint64_t content_bytes = std::clamp(round_up(file.size_bytes, limits::io_alignment),
                                                 limits::io_alignment, limits::local_read_bytes);
  const std::uint64_t stored_bytes = std::min(
      (frames + 1) * limits::frame_stored_bytes_max + format::seek_table_bytes(frames), part_room);
  RESTORED_TRY(memory_, environment_.budget.acquire(content_bytes + stored_bytes, stop));
  content_ = memory_.bytes().first(content_bytes);
  stored_ = memory_.bytes().subspan(content_bytes);
  return {};
}

Result<UploadedFile> FileEncoder::hash(const UploadFile& file, const std::stop_token& stop) {
  RESTORED_TRY(acquire_memory(file, stop));
  RESTORED_TRY(file_, environment_.files.open(file.path, io::Access::read, io::Caching::buffered));
  RESTORED_TRY(const std::uint64_t size_bytes, file_->size());
  if (size_bytes != file.size_bytes) {
    return fail(ErrorCode::corruption,
                fmt::format("{} is {} bytes long, not {}", file.path, size_bytes, file.size_bytes));
  }
  UploadedFile hashed;
  hashed.frames.reserve(format::frames_of(file.size_bytes));
  namer_.begin();
  RESTORED_TRY(for_each_frame(
      file, stop, [&](std::uint64_t index, std::span<const std::byte> content) -> Result<void> {
        RESTORED_TRY(const auto turn, turns_.take(stop));
        BusyTimer busy(environment_.progress, Stage::encode);
        format::Frame frame;
        frame.content_bytes = static_cast<std::uint32_t>(content.size());
        frame.hash = format::frame_hash(content, index);
        hashed.frames.push_back(frame);
        namer_.add(content);
        return {};
      }));
  hashed.content = namer_.end(file.size_bytes, hashed.frames);
  return hashed;
}

Result<void> FileEncoder::encode(const UploadFile& file, UploadedFile& uploaded, IfExists if_exists,
                                 const StoreCall& call) {
  const std::string key = format::object_key(uploaded.content);
  RESTORED_TRY(const auto upload, environment_.store.upload(key, call, if_exists));
  Object object{*upload, uploaded, {}};
  object.sums.reserve(uploaded.frames.size());
  auto encoded = encode_into(object, file, call.stop);
  if (!encoded) {
    upload->abandon();
    environment_.progress.bytes_done.fetch_sub(object.content_bytes_stored,
                                               std::memory_order_relaxed);
  }
  return encoded;
}

Result<void> FileEncoder::encode_into(Object& object, const UploadFile& file,
                                      const std::stop_token& stop) {
  RESTORED_TRY(for_each_frame(
      file, stop, [&](std::uint64_t index, std::span<const std::byte> content) -> Result<void> {
        RESTORED_TRY(encode_frame(object, file, index, content, stop));
        if (object.filled < limits::upload_part_bytes) return {};
        return send_part(object);
      }));
  return commit(object);
}

Result<void> FileEncoder::encode_frame(Object& object, const UploadFile& file, std::uint64_t index,
                                       std::span<const std::byte> content,
                                       const std::stop_token& stop) {
  format::Frame& frame = object.uploaded.frames[index];
  RESTORED_TRY(const auto turn, turns_.take(stop));
  BusyTimer busy(environment_.progress, Stage::encode);
  RESTORED_TRY(check_same(file, index, content, frame));
  frame.stored_bytes = static_cast<std::uint32_t>(encoder_.encode(
      content, stored_.subspan(object.filled), environment_.seal(object.uploaded.content), index));
  object.sums.push_back(format::seek_table_sum(content));
  object.filled += frame.stored_bytes;
  object.content_bytes += content.size();
  object.uploaded.stored_bytes += frame.stored_bytes;
  return {};
}

Result<void> FileEncoder::send_part(Object& object) {
  const auto part = stored_.first(std::exchange(object.filled, 0));
  {
    BusyTimer busy(environment_.progress, Stage::store);
    RESTORED_TRY(object.upload.append(part));
  }
  note_stored(object, part.size());
  return {};
}

// What is left and the seek table go together: a small object is then written by one request.
Result<void> FileEncoder::commit(Object& object) {
  const std::string table = format::encode_seek_table(object.uploaded.frames, object.sums,
                                                      environment_.seal(object.uploaded.content));
  const std::size_t last_bytes = object.filled + table.size();
  std::vector<std::byte> large;  // the table of a file of many gigabytes
  if (last_bytes > stored_.size()) {
    large.resize(last_bytes);
    std::ranges::copy(stored_.first(object.filled), large.begin());
  }
  const auto last = large.empty() ? stored_.first(last_bytes) : std::span<std::byte>(large);
  std::ranges::copy(std::as_bytes(std::span(table)), last.subspan(object.filled).begin());
  {
    BusyTimer busy(environment_.progress, Stage::store);
    RESTORED_TRY(object.upload.commit(last));
  }
  note_stored(object, last_bytes);
  return {};
}

void FileEncoder::note_stored(Object& object, std::uint64_t stored_bytes) {
  object.uploaded.uploaded_bytes += stored_bytes;
  Progress& progress = environment_.progress;
  progress.bytes_transferred.fetch_add(stored_bytes, std::memory_order_relaxed);
  progress.bytes_done.fetch_add(object.content_bytes, std::memory_order_relaxed);
  object.content_bytes_stored += std::exchange(object.content_bytes, 0);
}

void FileEncoder::end_file() {
  if (file_) file_->drop_cache();
  file_.reset();
  content_ = {};
  stored_ = {};
  memory_.release();
}

Result<void> FileEncoder::for_each_frame(
    const UploadFile& file, const std::stop_token& stop,
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
