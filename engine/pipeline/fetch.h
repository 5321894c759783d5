// Objects to files: fetch -> decode -> write, each stage busy at the same time, in bounded memory.
// Knows frames, object keys and target files; knows nothing of RocksDB, restores or journals.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "format/frame.h"
#include "io/file_system.h"
#include "io/io_queue.h"
#include "pipeline/progress.h"
#include "restored/error.h"
#include "restored/object_store.h"
#include "restored/store_call.h"

namespace restored::pipeline {

// Consecutive frames [begin, end) of one file.
struct FrameSpan {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  friend bool operator==(const FrameSpan&, const FrameSpan&) = default;
};

// One file to build. The frames are those of the whole file, in order; they outlive the call.
struct FetchFile {
  std::string name;  // for messages
  std::string object_key;
  // Made anew (what stands there is removed, never overwritten: it may be a link to other data),
  // or opened when `present` says that it has content.
  std::string target_path;
  std::uint64_t size_bytes = 0;
  std::span<const format::Frame> frames;
  std::vector<FrameSpan> present;  // sorted; already written and verified, not fetched again
  format::ObjectSeal seal = {};    // what the object is sealed with, if it is
};

struct FetchEnvironment {
  ObjectStore& store;
  io::FileSystem& files;
  io::IoQueue& queue;
  MemoryBudget& budget;
  Progress& progress;
  WaitBoard* waits = nullptr;      // the operation's, see StoreCall
  Bandwidth* bandwidth = nullptr;  // the operation's
  unsigned decode_threads = 2;
  bool direct_io = true;
};

// Called from one thread at a time, at most once every limits::journal_checkpoint_bytes and at the
// end of every file, after these frames of files[file_index] are on the device (fdatasync).
// `complete`: the whole file is. An error stops the fetch and is returned by it.
using DurableSpans =
    std::function<Result<void>(std::size_t file_index, FrameSpan durable, bool complete)>;

// Builds every file: each byte is hashed after decompression and before it is written. When it
// returns without error all files have their exact size and are fdatasynced (their directory is
// not). Frames that are present count into progress.bytes_done. On error or stop every request has
// ended, the files keep what was written, and the first cause is returned. Errors: cancelled,
// corruption ("frame 17 of 000042.sst: hash differs"), store errors, no_space, io_error.
Result<void> fetch(std::span<const FetchFile> files, const FetchEnvironment& environment,
                   const DurableSpans& durable, std::stop_token stop);

// Frames of a file that already stands on this host.
struct LocalSpan {
  std::string name;
  std::string path;
  std::span<const format::Frame> frames;  // of the whole file
  FrameSpan span;
};

// Reads and hashes them on environment.decode_threads threads. The answer says, per entry, whether
// every frame matched; a file that is missing, unreadable, short or different, or longer although
// the span reaches its end, is false, not an error.
// Errors: cancelled.
Result<std::vector<bool>> verify_local(std::span<const LocalSpan> spans,
                                       const FetchEnvironment& environment, std::stop_token stop);

// Reads and hashes every frame of these objects, and compares each object's size,
// without writing anything (target_path unused).
// Errors: as fetch.
Result<void> verify_objects(std::span<const FetchFile> files, const FetchEnvironment& environment,
                            std::stop_token stop);

}  // namespace restored::pipeline
