#include "pipeline/target_file.h"

#include <utility>

#include "base/check.h"
#include "restored/limits.h"

namespace restored::pipeline {

TargetFile::TargetFile(std::size_t index, const FetchFile& file)
    : index_(index),
      spec_(file),
      written_(file.frames.size(), file.present,
               limits::journal_checkpoint_bytes / limits::frame_bytes) {}

Result<void> TargetFile::open(io::FileSystem& files, io::Caching caching) {
  const std::string& path = spec_.target_path;
  if (spec_.present.empty()) RESTORED_TRY(files.remove_file(path));
  const io::Access access = spec_.present.empty() ? io::Access::create : io::Access::write;
  RESTORED_TRY(file_, files.open(path, access, caching));
  const std::uint64_t padded_bytes = round_up(spec_.size_bytes, limits::io_alignment);
  return padded_bytes > 0 ? file_->allocate(padded_bytes) : Result<void>();
}

std::optional<TargetFile::Checkpoint> TargetFile::note_written(FrameSpan frames) {
  MutexLock lock(mutex_);
  written_.add(frames);
  return written_.begin_sync();
}

std::optional<TargetFile::Checkpoint> TargetFile::note_synced(const Checkpoint& checkpoint) {
  MutexLock lock(mutex_);
  written_.end_sync(checkpoint);
  return written_.begin_sync();
}

Result<void> TargetFile::sync(const Checkpoint& checkpoint) {
  if (checkpoint.complete) RESTORED_TRY(file_->truncate(spec_.size_bytes));
  RESTORED_TRY(file_->sync());
  // Who opens it next reads it once, directly; buffered pages would only push others out.
  if (checkpoint.complete && !file_->direct()) file_->drop_cache();
  return {};
}

Result<void> TargetFile::close() {
  return file_->close();
}

}  // namespace restored::pipeline
