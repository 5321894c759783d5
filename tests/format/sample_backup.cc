#include "sample_backup.h"

#include <fmt/core.h>

#include <algorithm>
#include <random>

#include "restored/limits.h"

namespace restored::test {

std::string compressible(std::size_t bytes) {
  std::string text;
  for (std::size_t line = 0; text.size() < bytes; ++line)
    text += fmt::format("line {} of a file that compresses well\n", line);
  text.resize(bytes);
  return text;
}

std::string incompressible(std::size_t bytes, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string text(bytes, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

std::string_view SampleObject::frame(std::size_t index) const {
  std::size_t offset = 0;
  for (std::size_t i = 0; i < index; ++i) offset += frames[i].stored_bytes;
  return std::string_view(bytes).substr(offset, frames[index].stored_bytes);
}

SampleObject make_object(std::string content, int zstd_level) {
  SampleObject object;
  object.content = std::move(content);
  format::FrameEncoder encoder(zstd_level);
  std::vector<std::byte> stored(limits::frame_stored_bytes_max);
  const auto all = bytes_of(object.content);
  for (std::size_t begin = 0; begin < all.size(); begin += limits::frame_bytes) {
    const auto piece =
        all.subspan(begin, std::min<std::size_t>(limits::frame_bytes, all.size() - begin));
    const std::size_t bytes = encoder.encode(piece, stored);
    object.bytes.append(reinterpret_cast<const char*>(stored.data()), bytes);
    object.frames.push_back({static_cast<std::uint32_t>(bytes),
                             static_cast<std::uint32_t>(piece.size()),
                             format::frame_hash(piece, object.frames.size())});
    object.sums.push_back(format::seek_table_sum(piece));
  }
  object.bytes += format::encode_seek_table(object.frames, object.sums);
  return object;
}

SampleBackup make_backup(std::string backup_id, const std::vector<std::string>& contents) {
  SampleBackup backup;
  format::Manifest& manifest = backup.manifest;
  manifest.repository_id = "r0123456789";
  manifest.backup = BackupId(std::move(backup_id));
  manifest.database = DatabaseId("abcdefghijklmnopqrstuvwx");
  manifest.database_name = "orders \"EU\" \xE2\x82\xAC";
  manifest.name = "before the migration";
  manifest.created_at = 1'700'000'000'123;
  manifest.agent_version = "0.1.0";
  manifest.rocksdb_version = "7.8.3";
  manifest.comparator = "leveldb.BytewiseComparator";
  manifest.encoding_version = 1;
  manifest.frame_bytes = limits::frame_bytes;
  manifest.uploaded_bytes = 4711;
  manifest.incremental = true;
  for (const std::string& content : contents) {
    SampleObject object = make_object(content);
    backup.frames.insert(backup.frames.end(), object.frames.begin(), object.frames.end());
    const std::uint64_t number = 12 + manifest.files.size();
    format::ManifestFile file;
    file.name = fmt::format("{:06}.sst", number);
    file.size_bytes = content.size();
    file.identity = {"f3a1e0c2-db", "SESSION0123456789ABC", number, content.size()};
    file.level = static_cast<int>(manifest.files.size() % 7);
    file.smallest_sequence = number;
    file.largest_sequence = number + 1000;
    manifest.largest_sequence = file.largest_sequence;
    file.smallest_key = std::string("k\0\xFF", 3) + std::to_string(number);
    file.largest_key = file.smallest_key + "~";
    file.entries = 100;
    file.deletions = 3;
    file.oldest_ancestor_time = 1'699'999'000;
    file.file_creation_time = 1'699'999'999;
    if (number % 2 == 0) {  // a newer RocksDB
      file.smallest_internal_key = file.smallest_key + std::string(8, '\x01');
      file.largest_internal_key = file.largest_key + std::string(8, '\x02');
      file.epoch_number = std::uint64_t{1} << 63;
    }
    manifest.files.push_back(std::move(file));
    backup.objects.push_back(std::move(object));
  }
  format::index_frames(manifest, backup.frames);
  return backup;
}

}  // namespace restored::test
