// Local files, read and hashed: which of them hold exactly what the frame index says.
#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/mutex.h"
#include "format/frame.h"
#include "pipeline/fetch.h"
#include "pipeline/first_error.h"
#include "pipeline/plan.h"
#include "pipeline/workers.h"
#include "restored/limits.h"

namespace restored::pipeline {
namespace {

constexpr std::uint64_t frames_at_once = limits::local_read_bytes / limits::frame_bytes;

// One read of one entry.
struct Job {
  std::size_t entry = 0;
  FrameSpan frames;
};

// Hands out jobs in order, and collects what they found.
// Threading: all methods may be called from any thread at once.
class Entries {
 public:
  explicit Entries(std::span<const LocalSpan> spans) : spans_(spans), matches_(spans.size(), 1) {
    if (!spans.empty()) frame_ = spans[0].span.begin;
  }

  // The rest of an entry that is known to differ is not worth reading.
  std::optional<Job> next() {
    MutexLock lock(mutex_);
    while (entry_ < spans_.size() && (frame_ >= spans_[entry_].span.end || matches_[entry_] == 0)) {
      ++entry_;
      if (entry_ < spans_.size()) frame_ = spans_[entry_].span.begin;
    }
    if (entry_ == spans_.size()) return {};
    Job job{entry_, {frame_, std::min(frame_ + frames_at_once, spans_[entry_].span.end)}};
    frame_ = job.frames.end;
    return job;
  }

  void note_difference(std::size_t entry) {
    MutexLock lock(mutex_);
    matches_[entry] = 0;
  }

  std::vector<bool> matches() const {
    MutexLock lock(mutex_);
    return {matches_.begin(), matches_.end()};
  }

 private:
  const std::span<const LocalSpan> spans_;
  mutable Mutex mutex_;
  std::vector<char> matches_ GUARDED_BY(mutex_);
  std::size_t entry_ GUARDED_BY(mutex_) = 0;
  std::uint64_t frame_ GUARDED_BY(mutex_) = 0;
};

// The entry's file as one thread sees it: direct for whole blocks, buffered for the tail that
// direct I/O cannot read.
class Reader {
 public:
  static Result<Reader> open(const LocalSpan& entry, const FetchEnvironment& environment) {
    Reader reader;
    const auto caching = environment.direct_io ? io::Caching::direct : io::Caching::buffered;
    RESTORED_TRY(reader.bulk_, environment.files.open(entry.path, io::Access::read, caching));
    RESTORED_TRY(reader.size_bytes_, reader.bulk_->size());
    if (reader.size_bytes_ % limits::io_alignment != 0) {
      RESTORED_TRY(reader.tail_,
                   environment.files.open(entry.path, io::Access::read, io::Caching::buffered));
    }
    return reader;
  }

  std::uint64_t size_bytes() const { return size_bytes_; }

  Result<void> read(io::IoQueue& queue, std::uint64_t offset, std::span<std::byte> into) {
    if (offset + into.size() > size_bytes_) {
      return fail(ErrorCode::corruption, fmt::format("{} ends at {}", bulk_->path(), size_bytes_));
    }
    const std::size_t whole = into.size() / limits::io_alignment * limits::io_alignment;
    if (whole > 0) RESTORED_TRY(io::read_parallel(queue, *bulk_, offset, into.first(whole)));
    if (whole == into.size()) return {};
    return (tail_ ? tail_ : bulk_)->read_at(offset + whole, into.subspan(whole));
  }

 private:
  std::unique_ptr<io::File> bulk_;
  std::unique_ptr<io::File> tail_;
  std::uint64_t size_bytes_ = 0;
};

// What says "these are not the frames": a file that cannot be read, wholly or in part, is one that
// has to be fetched, and one bad sector must not keep a database from being restored.
bool means_different(ErrorCode code) {
  return code == ErrorCode::file_not_found || code == ErrorCode::corruption ||
         code == ErrorCode::io_error || code == ErrorCode::permission_denied;
}

Result<bool> frames_match(const LocalSpan& entry, FrameSpan frames, Reader& reader,
                          std::span<std::byte> memory, const FetchEnvironment& environment) {
  std::uint64_t bytes = 0;
  for (std::uint64_t index = frames.begin; index < frames.end; ++index) {
    bytes += entry.frames[index].content_bytes;
  }
  const auto content = memory.first(bytes);
  RESTORED_TRY(reader.read(environment.queue, frame_offset(frames.begin), content));
  BusyTimer busy(environment.progress, Stage::decode);
  auto rest = content;
  for (std::uint64_t index = frames.begin; index < frames.end; ++index) {
    const format::Frame& frame = entry.frames[index];
    if (format::frame_hash(rest.first(frame.content_bytes), index) != frame.hash) return false;
    rest = rest.subspan(frame.content_bytes);
  }
  return true;
}

Result<bool> job_matches(const LocalSpan& entry, FrameSpan frames, std::optional<Reader>& reader,
                         std::span<std::byte> memory, const FetchEnvironment& environment) {
  if (!reader) {
    RESTORED_TRY(reader, Reader::open(entry, environment));
  }
  // A span that reaches the end of the file claims that the file ends there.
  const std::uint64_t last = entry.frames.size();
  if (frames.end == last && last > 0 &&
      reader->size_bytes() != frame_offset(last - 1) + entry.frames[last - 1].content_bytes) {
    return false;
  }
  return frames_match(entry, frames, *reader, memory, environment);
}

Result<void> verify_jobs(std::span<const LocalSpan> spans, Entries& entries,
                         const FetchEnvironment& environment, std::stop_token stop) {
  RESTORED_TRY(MemoryLease memory, environment.budget.acquire(limits::local_read_bytes, stop));
  std::optional<Reader> reader;
  std::optional<std::size_t> reader_entry;
  while (!stop.stop_requested()) {
    const std::optional<Job> job = entries.next();
    if (!job) return {};
    if (reader_entry != job->entry) reader.reset();
    reader_entry = job->entry;
    auto matches = job_matches(spans[job->entry], job->frames, reader, memory.bytes(), environment);
    if (!matches && !means_different(matches.error().code)) {
      return std::unexpected(context(spans[job->entry].name, std::move(matches).error()));
    }
    if (!matches) {
      log::warning("pipeline", "{} cannot be reused: {}", spans[job->entry].path,
                   matches.error().message);
    }
    if (!matches || !*matches) entries.note_difference(job->entry);
  }
  return {};
}

}  // namespace

Result<std::vector<bool>> verify_local(std::span<const LocalSpan> spans,
                                       const FetchEnvironment& environment, std::stop_token stop) {
  for (const LocalSpan& entry : spans) {
    RESTORED_CHECK(entry.span.begin <= entry.span.end && entry.span.end <= entry.frames.size(),
                   "the span is within the file's frames");
  }
  FirstError first_error(std::move(stop));
  Entries entries(spans);
  {
    Workers workers(first_error);
    workers.start("restore-verify", std::max(1u, environment.decode_threads),
                  [&] { return verify_jobs(spans, entries, environment, first_error.token()); });
  }
  RESTORED_TRY(first_error.result());
  return entries.matches();
}

}  // namespace restored::pipeline
