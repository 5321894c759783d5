#include "catalog/verify.h"

#include <fmt/format.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/utilities/debug.h>

#include <algorithm>
#include <tuple>

#include "base/hex.h"
#include "catalog/generation_files.h"
#include "catalog/status.h"

namespace restored::catalog {
namespace {

// Reads at this many files' first keys; each touches one index and one data block.
constexpr std::size_t samples_max = 256;
constexpr std::uint64_t records_between_stops = 1024;

std::unexpected<Error> differs(std::string_view what) {
  return fail(ErrorCode::corruption, std::string(what));
}

std::unexpected<Error> stopped() {
  return fail(ErrorCode::cancelled, "the verification was cancelled");
}

// Names change at an import; this does not.
auto identity(const FileFacts& facts) {
  return std::tie(facts.db_id, facts.db_session_id, facts.original_file_number, facts.size_bytes,
                  facts.smallest_key);
}

bool by_identity(const FileFacts* a, const FileFacts* b) {
  return identity(*a) < identity(*b);
}

template <class T>
void compare(std::string& differences, std::string_view what, const T& found, const T& expected) {
  if (found != expected) {
    differences += fmt::format(" {} {} instead of {};", what, found, expected);
  }
}

Result<void> compare_file(const FileFacts& found, const FileFacts& expected) {
  if (identity(found) != identity(expected)) {
    return differs(fmt::format("{} is not in the imported generation", expected.name));
  }
  std::string differences;
  compare(differences, "level", found.level, expected.level);
  compare(differences, "smallest sequence", found.smallest_sequence, expected.smallest_sequence);
  compare(differences, "largest sequence", found.largest_sequence, expected.largest_sequence);
  compare(differences, "entries", found.entries, expected.entries);
  compare(differences, "deletions", found.deletions, expected.deletions);
  compare(differences, "last key", to_hex(found.largest_key), to_hex(expected.largest_key));
  if (differences.empty()) return {};
  return differs(fmt::format("{} has{}", expected.name, differences));
}

Result<void> compare_files(const std::vector<GenerationFile>& found, const Expectation& expected) {
  if (found.size() != expected.files.size()) {
    return differs(fmt::format("{} files instead of {}", found.size(), expected.files.size()));
  }
  std::vector<const FileFacts*> ours;
  std::vector<const FileFacts*> theirs;
  for (const GenerationFile& file : found) ours.push_back(&file.facts);
  for (const FileFacts& facts : expected.files) theirs.push_back(&facts);
  std::ranges::sort(ours, by_identity);
  std::ranges::sort(theirs, by_identity);
  std::uint64_t entries = 0;
  std::uint64_t deletions = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    RESTORED_TRY(compare_file(*ours[i], *theirs[i]));
    entries += ours[i]->entries;
    deletions += ours[i]->deletions;
  }
  if (entries != expected.entries)
    return differs(fmt::format("{} entries instead of {}", entries, expected.entries));
  if (deletions != expected.deletions)
    return differs(fmt::format("{} deletions instead of {}", deletions, expected.deletions));
  return {};
}

// RocksDB takes a file's sequence numbers from the manifest. Were they lower than those in the
// file, its records would be hidden from readers, and later writes behind them.
Result<void> check_sequence(const Instance& instance, const StoredGeneration& generation,
                            const FileFacts& facts, const std::vector<GenerationFile>& files) {
  std::vector<rocksdb::KeyVersion> newest;
  const rocksdb::Status status =
      rocksdb::GetAllKeyVersions(&instance.db(), generation.handle(), facts.smallest_key,
                                 facts.smallest_key, /*max_num_ikeys=*/1, &newest);
  RESTORED_TRY(checked(status, "reading the first key of " + facts.name));
  if (newest.empty()) return differs("the first key of " + facts.name + " is not there");
  std::uint64_t largest = 0;
  for (const GenerationFile& file : files) {
    if (file.facts.smallest_key <= facts.smallest_key &&
        facts.smallest_key <= file.facts.largest_key)
      largest = std::max(largest, file.facts.largest_sequence);
  }
  const std::uint64_t sequence = newest.front().sequence;
  if (sequence >= facts.smallest_sequence && sequence <= largest) return {};
  return differs(fmt::format("the first key of {} has sequence number {}, not one of {} to {}",
                             facts.name, sequence, facts.smallest_sequence, largest));
}

// The first, the last and sampled keys, through the merged view that clients will read.
Result<void> read_samples(const Instance& instance, const StoredGeneration& generation,
                          const std::vector<GenerationFile>& files, const std::stop_token& stop) {
  const std::unique_ptr<rocksdb::Iterator> record(
      instance.db().NewIterator(cursor_options(), generation.handle()));
  record->SeekToFirst();
  RESTORED_TRY(checked(record->status(), "reading the first record"));
  record->SeekToLast();
  RESTORED_TRY(checked(record->status(), "reading the last record"));
  const std::size_t step = std::max<std::size_t>(1, files.size() / samples_max);
  for (std::size_t i = 0; i < files.size(); i += step) {
    if (stop.stop_requested()) return stopped();
    const FileFacts& facts = files[i].facts;
    record->Seek(facts.smallest_key);
    RESTORED_TRY(checked(record->status(), "reading at the first key of " + facts.name));
    if (record->Valid() && record->key().compare(facts.smallest_key) < 0)
      return differs("a seek at the first key of " + facts.name + " ended before it");
    RESTORED_TRY(check_sequence(instance, generation, facts, files));
  }
  return {};
}

// Every block of every file, and the whole merged view in its order.
Result<void> read_everything(const Instance& instance, const StoredGeneration& generation,
                             const std::vector<GenerationFile>& files,
                             const std::stop_token& stop) {
  for (const GenerationFile& file : files) {
    if (stop.stop_requested()) return stopped();
    rocksdb::SstFileReader reader(inspection_options());
    RESTORED_TRY(checked(reader.Open(file.path), "opening " + file.path));
    RESTORED_TRY(checked(reader.VerifyChecksum(scan_options()), "reading " + file.path));
  }
  const std::unique_ptr<rocksdb::Iterator> record(
      instance.db().NewIterator(scan_options(), generation.handle()));
  std::string last;
  std::uint64_t records = 0;
  for (record->SeekToFirst(); record->Valid(); record->Next()) {
    if (++records % records_between_stops == 0 && stop.stop_requested()) return stopped();
    if (records > 1 && record->key().compare(last) <= 0)
      return differs("records are out of order after " + to_hex(last));
    last.assign(record->key().data(), record->key().size());
  }
  return checked(record->status(), "reading all records");
}

}  // namespace

Result<void> verify_generation(const Instance& instance, const StoredGeneration& generation,
                               const Expectation& expected, std::stop_token stop) {
  const auto verified = [&]() -> Result<void> {
    if (stop.stop_requested()) return stopped();
    const std::string comparator = generation.handle()->GetComparator()->Name();
    if (comparator != expected.comparator)
      return differs("ordered by " + comparator + " instead of " + expected.comparator);
    RESTORED_TRY(const std::vector<GenerationFile> files, generation_files(instance, generation));
    RESTORED_TRY(compare_files(files, expected));
    RESTORED_TRY(read_samples(instance, generation, files, stop));
    if (expected.full) RESTORED_TRY(read_everything(instance, generation, files, stop));
    return {};
  }();
  if (verified) return {};
  return std::unexpected(
      context("verifying " + column_family_name(generation.number()), verified.error()));
}

}  // namespace restored::catalog
