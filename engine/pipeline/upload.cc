#include "pipeline/upload.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/object_versions.h"
#include "pipeline/content_claims.h"
#include "pipeline/encode_turns.h"
#include "pipeline/file_encoder.h"
#include "pipeline/first_error.h"
#include "pipeline/read_again.h"
#include "pipeline/stored_lengths.h"
#include "pipeline/workers.h"
#include "restored/limits.h"

namespace restored::pipeline {
namespace {

// True when the repository has the object; the file then has its lengths.
Result<bool> find_stored(const UploadEnvironment& environment, UploadedFile& file,
                         const StoreCall& call) {
  RESTORED_TRY(const bool there, adopt_lengths(environment.store, environment.progress,
                                               format::object_key(file.content),
                                               environment.seal(file.content), file.frames, call));
  if (!there) return false;
  file.stored_bytes = 0;
  for (const format::Frame& frame : file.frames) file.stored_bytes += frame.stored_bytes;
  return true;
}

// Whether every frame of the object that stands there is what it should be, also when it has to be
// read again. Its memory is its own: that is little, it is rare, and the caller holds a lease.
// Errors: store errors, corruption, object_not_found.
Result<void> check_whole(const UploadEnvironment& environment, UploadedFile wanted,
                         const StoreCall& call) {
  const std::string key = format::object_key(wanted.content);
  RESTORED_TRY(const bool there, find_stored(environment, wanted, call));
  if (!there) return fail(ErrorCode::object_not_found, key + " is gone");
  std::vector<std::byte> stored(limits::frame_stored_bytes_max);
  std::vector<std::byte> content(limits::frame_bytes);
  format::FrameDecoder decoder;
  std::uint64_t offset = 0;
  for (std::size_t index = 0; index < wanted.frames.size(); ++index) {
    const format::Frame& frame = wanted.frames[index];
    const auto bytes = std::span(stored).first(frame.stored_bytes);
    const auto decode = [&] {
      return decoder.decode(frame, index, bytes, std::span(content).first(frame.content_bytes),
                            environment.seal(wanted.content));
    };
    Result<void> read = environment.store.read(key, offset, bytes, call);
    if (read) read = decode();
    if (!read) {
      const ObjectPart part{key, fmt::format("frame {} of {}", index, key), offset, bytes};
      RESTORED_TRY(read_again(environment.store, environment.progress, part,
                              std::move(read).error(), decode, call));
    }
    offset += frame.stored_bytes;
  }
  return {};
}

// Whether an object stands there that is not what it should be. One that was said to be damaged may
// have been written again since, and other backups rely on it.
Result<bool> is_damaged(const UploadEnvironment& environment, const UploadedFile& wanted,
                        const StoreCall& call) {
  if (environment.replaced == nullptr || !environment.replaced->contains(wanted.content))
    return false;
  Result<void> checked;
  for (unsigned again = 0; again <= limits::object_reads_again_max; ++again) {
    checked = check_whole(environment, wanted, call);
    call.versions->forget(format::object_key(wanted.content));
    // Another backup is replacing it at this moment: what it writes is looked at.
    if (checked || checked.error().code != ErrorCode::object_changed) break;
  }
  if (checked || checked.error().code == ErrorCode::object_not_found) return false;
  if (checked.error().code == ErrorCode::corruption) return true;
  return std::unexpected(std::move(checked).error());
}

// True when the object is this run's, false when it was there.
Result<bool> store_content(const UploadFile& file, const UploadEnvironment& environment,
                           FileEncoder& encoder, UploadedFile& uploaded, const StoreCall& call) {
  RESTORED_TRY(const bool damaged, is_damaged(environment, uploaded, call));
  if (!damaged) {
    RESTORED_TRY(const bool stored, find_stored(environment, uploaded, call));
    if (stored) return false;
  }
  // Never removed first: between the two it would be missing for the others that name it.
  const auto if_exists = damaged ? IfExists::replace : IfExists::keep;
  auto encoded = encoder.encode(file, uploaded, if_exists, call);
  if (encoded) return true;
  if (encoded.error().code != ErrorCode::object_exists) {
    return std::unexpected(std::move(encoded).error());
  }
  // Another host was first: its object is as good as ours, with lengths of its own.
  uploaded.uploaded_bytes = 0;
  RESTORED_TRY(const bool there, find_stored(environment, uploaded, call));
  if (!there) return std::unexpected(std::move(encoded).error());  // gone again
  return false;
}

// A lease a file bounds them by memory; half of it is for others, who restore.
unsigned files_at_once(std::size_t files, const UploadEnvironment& environment) {
  const std::uint64_t useful = std::max({1u, environment.threads, environment.store.writes_max()});
  const std::uint64_t affordable = std::max<std::uint64_t>(
      1, environment.budget.budget_bytes() / 2 / FileEncoder::lease_bytes_max());
  return static_cast<unsigned>(std::min<std::uint64_t>({useful, affordable, files}));
}

Result<UploadedFile> upload_file(const UploadFile& file, const UploadEnvironment& environment,
                                 FileEncoder& encoder, ContentClaims& claims,
                                 const StoreCall& call) {
  RESTORED_TRY(UploadedFile uploaded, encoder.hash(file, call.stop));
  RESTORED_TRY(ContentClaims::Claim claim, claims.claim(uploaded.content, call.stop));
  RESTORED_TRY(const bool ours, store_content(file, environment, encoder, uploaded, call));
  call.versions->forget(format::object_key(uploaded.content));
  if (!ours) {
    environment.progress.bytes_done.fetch_add(file.size_bytes, std::memory_order_relaxed);
    environment.progress.bytes_reused.fetch_add(file.size_bytes, std::memory_order_relaxed);
  }
  environment.progress.files_done.fetch_add(1, std::memory_order_relaxed);
  return uploaded;
}

}  // namespace

Result<std::vector<UploadedFile>> upload(std::span<const UploadFile> files,
                                         const UploadEnvironment& environment,
                                         std::stop_token stop) {
  FirstError first_error(std::move(stop));
  ObjectVersions versions;
  StoreCall call(first_error.token());
  call.waits = environment.waits;
  call.bandwidth = environment.bandwidth;
  call.versions = &versions;
  ContentClaims claims;
  EncodeTurns turns(std::max(1u, environment.threads));
  std::vector<UploadedFile> uploaded(files.size());
  std::atomic<std::size_t> next{0};
  const auto work = [&]() -> Result<void> {
    FileEncoder encoder(environment, turns);
    // Each index is taken by one thread, which alone writes that answer.
    for (std::size_t index = next++; index < files.size(); index = next++) {
      auto done = upload_file(files[index], environment, encoder, claims, call);
      encoder.end_file();
      if (!done) return std::unexpected(context(files[index].name, std::move(done).error()));
      uploaded[index] = std::move(*done);
    }
    return {};
  };
  {
    Workers workers(first_error);
    workers.start("backup-encode", files_at_once(files.size(), environment), work);
  }
  RESTORED_TRY(first_error.result());
  return uploaded;
}

}  // namespace restored::pipeline
