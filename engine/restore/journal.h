// What a restore has durably fetched, so that a killed agent continues where it was: an
// append-only file of fixed-size records beside the staged files. A record says that frames of a
// file were on the device when it was written. It is a claim, not a proof: what it names is hashed
// again before it is trusted.
//
// Each record's sum is seeded with the operation and the manifest's hash, and it carries its
// file's content id: a journal of another attempt or another backup is never believed. Reading
// ends at the first record that is cut short or wrong (a torn tail); a record that is there twice
// does no harm. Nothing is ever taken back: what no longer holds is left out of a new journal,
// which then replaces the old one whole ("journal.new", renamed).
//
//   header  "RSTJRNL1"  version u32  record bytes u32  24 zero bytes   sum u64
//   span    kind u8 (1)  flags u8  zero u16  file u32  begin u64  end u64  content id 16  sum u64
// Little endian, 48 bytes each. Flags: 1 the whole file, 2 a link to a file of this host.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "format/manifest.h"
#include "io/file_system.h"
#include "pipeline/fetch.h"
#include "restored/error.h"
#include "restored/ids.h"

namespace restored::restore {

struct JournalBinding {
  OperationId operation;
  std::string manifest_hash;
};

// XXH3-128 of the encoded manifest, in hexadecimal.
std::string manifest_hash(const format::Manifest& manifest);

struct JournalEntry {
  std::uint32_t file = 0;  // index in the manifest
  pipeline::FrameSpan span;
  bool whole = false;
  bool linked = false;
  friend bool operator==(const JournalEntry&, const JournalEntry&) = default;
};

// Threading: one thread at a time.
class Journal {
 public:
  // A new, durable journal with nothing in it. Errors: file_exists, no_space, io_error.
  static Result<Journal> create(io::FileSystem& files, const std::string& path,
                                const JournalBinding& binding,
                                std::span<const format::ManifestFile> manifest_files);
  // Continues one; `entries` receives what it says. Errors: file_not_found, corruption (not a
  // journal of this operation and manifest), io_error.
  static Result<Journal> open(io::FileSystem& files, const std::string& path,
                              const JournalBinding& binding,
                              std::span<const format::ManifestFile> manifest_files,
                              std::vector<JournalEntry>& entries);

  // REQUIRES: what the entry names is on the device. Durable itself after the next sync().
  Result<void> append(const JournalEntry& entry);
  Result<void> sync();
  Result<void> close();

 private:
  Journal(std::unique_ptr<io::File> file, std::uint64_t seed,
          std::span<const format::ManifestFile> manifest_files)
      : file_(std::move(file)), seed_(seed), manifest_files_(manifest_files) {}

  std::unique_ptr<io::File> file_;
  std::uint64_t seed_ = 0;
  std::span<const format::ManifestFile> manifest_files_;
  std::uint64_t end_ = 0;
};

}  // namespace restored::restore
