#include "restore/journal.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"
#include "base/hex.h"

namespace restored::restore {
namespace {

constexpr std::size_t record_bytes = 48;
constexpr std::size_t summed_bytes = record_bytes - 8;
constexpr std::uint32_t journal_version = 1;
constexpr std::string_view magic = "RSTJRNL1";
constexpr std::uint8_t kind_span = 1;
constexpr std::uint8_t flag_whole = 1;
constexpr std::uint8_t flag_linked = 2;
using Record = std::array<std::byte, record_bytes>;

template <class T>
void put(Record& record, std::size_t at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    record[at + i] = static_cast<std::byte>((value >> (8 * i)) & 0xff);
  }
}

template <class T>
T get(const std::byte* from) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value = static_cast<T>(value | (static_cast<T>(from[i]) << (8 * i)));
  }
  return value;
}

void seal(Record& record, std::uint64_t seed) {
  put<std::uint64_t>(record, summed_bytes, XXH3_64bits_withSeed(record.data(), summed_bytes, seed));
}

bool sealed(const std::byte* record, std::uint64_t seed) {
  return get<std::uint64_t>(record + summed_bytes) ==
         XXH3_64bits_withSeed(record, summed_bytes, seed);
}

std::uint64_t seed_of(const JournalBinding& binding) {
  const std::string text = binding.operation.value + "\n" + binding.manifest_hash;
  return XXH3_64bits(text.data(), text.size());
}

Record header(std::uint64_t seed) {
  Record record{};
  std::memcpy(record.data(), magic.data(), magic.size());
  put<std::uint32_t>(record, 8, journal_version);
  put<std::uint32_t>(record, 12, record_bytes);
  seal(record, seed);
  return record;
}

// Nothing when the record is not one of this journal.
std::optional<JournalEntry> parse(const std::byte* record, std::uint64_t seed,
                                  std::span<const format::ManifestFile> files) {
  if (!sealed(record, seed) || static_cast<std::uint8_t>(record[0]) != kind_span) {
    return std::nullopt;
  }
  JournalEntry entry;
  const auto flags = static_cast<std::uint8_t>(record[1]);
  entry.whole = (flags & flag_whole) != 0;
  entry.linked = (flags & flag_linked) != 0;
  entry.file = get<std::uint32_t>(record + 4);
  entry.span.begin = get<std::uint64_t>(record + 8);
  entry.span.end = get<std::uint64_t>(record + 16);
  if (entry.file >= files.size()) return std::nullopt;
  const format::ManifestFile& file = files[entry.file];
  const bool same = std::memcmp(record + 24, file.content.bytes.data(), 16) == 0;
  if (!same || entry.span.begin > entry.span.end || entry.span.end > file.frames_count) {
    return std::nullopt;
  }
  return entry;
}

}  // namespace

std::string manifest_hash(const format::Manifest& manifest) {
  const std::string bytes = format::encode_manifest(manifest);
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes.data(), bytes.size()));
  return to_hex(std::as_bytes(std::span(canonical.digest)));
}

Result<Journal> Journal::create(io::FileSystem& files, const std::string& path,
                                const JournalBinding& binding,
                                std::span<const format::ManifestFile> manifest_files) {
  RESTORED_TRY(auto file, files.open(path, io::Access::create, io::Caching::buffered));
  Journal journal(std::move(file), seed_of(binding), manifest_files);
  const Record record = header(journal.seed_);
  RESTORED_TRY(journal.file_->write_at(0, record));
  journal.end_ = record_bytes;
  // Its name alone: a header that is lost before any record was synced costs nothing.
  RESTORED_TRY(files.sync_directory(io::parent_directory(path)));
  return journal;
}

Result<Journal> Journal::open(io::FileSystem& files, const std::string& path,
                              const JournalBinding& binding,
                              std::span<const format::ManifestFile> manifest_files,
                              std::vector<JournalEntry>& entries) {
  RESTORED_TRY(auto file, files.open(path, io::Access::write, io::Caching::buffered));
  Journal journal(std::move(file), seed_of(binding), manifest_files);
  RESTORED_TRY(const std::uint64_t size, journal.file_->size());
  Record first{};
  if (size >= record_bytes) RESTORED_TRY(journal.file_->read_at(0, first));
  if (size < record_bytes || first != header(journal.seed_)) {
    return fail(ErrorCode::corruption, fmt::format("{} is not the journal of operation {}", path,
                                                   binding.operation.value));
  }
  journal.end_ = record_bytes;
  std::vector<std::byte> block;
  constexpr std::uint64_t block_bytes = record_bytes * 4096;
  for (bool torn = false; !torn && journal.end_ + record_bytes <= size;) {
    const std::uint64_t left = (size - journal.end_) / record_bytes * record_bytes;
    block.resize(std::min(block_bytes, left));
    RESTORED_TRY(journal.file_->read_at(journal.end_, block));
    for (std::size_t at = 0; at < block.size(); at += record_bytes) {
      auto entry = parse(block.data() + at, journal.seed_, manifest_files);
      torn = !entry;
      if (torn) break;
      entries.push_back(*entry);
      journal.end_ += record_bytes;
    }
  }
  // What follows the last good record must not become readable behind the records to come.
  if (journal.end_ != size) RESTORED_TRY(journal.file_->truncate(journal.end_));
  return journal;
}

Result<void> Journal::append(const JournalEntry& entry) {
  RESTORED_CHECK(entry.file < manifest_files_.size(), "a journal entry names a file of its plan");
  Record record{};
  put<std::uint8_t>(record, 0, kind_span);
  put<std::uint8_t>(
      record, 1,
      static_cast<std::uint8_t>((entry.whole ? flag_whole : 0) | (entry.linked ? flag_linked : 0)));
  put<std::uint32_t>(record, 4, entry.file);
  put<std::uint64_t>(record, 8, entry.span.begin);
  put<std::uint64_t>(record, 16, entry.span.end);
  const auto& content = manifest_files_[entry.file].content.bytes;
  std::ranges::copy(content, record.begin() + 24);
  seal(record, seed_);
  RESTORED_TRY(file_->write_at(end_, record));
  end_ += record_bytes;
  return {};
}

Result<void> Journal::sync() {
  return file_->sync();
}

Result<void> Journal::close() {
  RESTORED_TRY(file_->sync());
  return file_->close();
}

}  // namespace restored::restore
