// Files to objects: read -> hash -> (already stored?) -> encode -> put, on several files at once.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "format/frame.h"
#include "io/file_system.h"
#include "pipeline/progress.h"
#include "restored/error.h"
#include "restored/object_store.h"

namespace restored::pipeline {

struct UploadFile {
  std::string name;  // for messages
  std::string path;  // immutable while the upload runs
  std::uint64_t size_bytes = 0;
};

struct UploadedFile {
  format::ContentId content;
  std::vector<format::Frame> frames;
  std::uint64_t stored_bytes = 0;    // of the frames, without the seek table
  std::uint64_t uploaded_bytes = 0;  // 0: an object with this content was there already
};

struct UploadEnvironment {
  ObjectStore& store;
  io::FileSystem& files;
  MemoryBudget& budget;  // no more than half of it at once, and at least one file's
  Progress& progress;
  WaitBoard* waits = nullptr;      // the operation's, see StoreCall
  Bandwidth* bandwidth = nullptr;  // the operation's
  unsigned threads = 2;            // that encode; more wait for a store that is worth it
  int zstd_level = 1;
  // Contents whose objects may be no good: looked at, and replaced when it is so. Null: none.
  const std::set<format::ContentId>* replaced = nullptr;
  const format::DataKey* data_key = nullptr;  // what objects are named and sealed with; null: not

  format::ObjectSeal seal(const format::ContentId& content) const { return {data_key, content}; }
};

// Each file is read twice: once to hash it, which names its object, and, if the repository does
// not have that object yet, once (from the page cache) to encode it. An object that exists is
// not written again, but for those that are to be replaced; its stored lengths come from its own
// seek table, since another level may have made it. Answers stand in the order of `files`.
// progress.bytes_done counts content that is with the store. On error or stop, nothing is written
// under an object's key that is not whole. Errors: cancelled, store errors, io_error, corruption (a
// file that changed between the two reads, an existing object whose seek table does not fit).
Result<std::vector<UploadedFile>> upload(std::span<const UploadFile> files,
                                         const UploadEnvironment& environment,
                                         std::stop_token stop);

}  // namespace restored::pipeline
