#include "catalog/generation_files.h"

#include <rocksdb/sst_file_reader.h>

#include <utility>

#include "catalog/rocksdb_version.h"
#include "catalog/status.h"

namespace restored::catalog {
namespace {

GenerationFile described(const rocksdb::LiveFileMetaData& file) {
  GenerationFile described;
  FileFacts& facts = described.facts;
  facts.name = file.relative_filename;
  facts.size_bytes = file.size;
  facts.level = file.level;
  facts.smallest_sequence = file.smallest_seqno;
  facts.largest_sequence = file.largest_seqno;
  facts.smallest_key = file.smallestkey;
  facts.largest_key = file.largestkey;
  facts.oldest_ancestor_time = file.oldest_ancester_time;
  facts.file_creation_time = file.file_creation_time;
  read_newer_facts(file, facts);
  described.path = file.directory + "/" + file.relative_filename;
  described.refers_to_blobs = file.oldest_blob_file_number != 0;
  return described;
}

// By name; the versions of the two calls may differ, so some may be missing.
Result<rocksdb::TablePropertiesCollection> cached_properties(const Instance& instance,
                                                             const StoredGeneration& generation) {
  rocksdb::TablePropertiesCollection properties;
  RESTORED_TRY(checked(instance.db().GetPropertiesOfAllTables(generation.handle(), &properties),
                       "reading the properties of " + column_family_name(generation.number())));
  return properties;
}

Result<std::shared_ptr<const rocksdb::TableProperties>> stored_properties(const Instance& instance,
                                                                          const std::string& path) {
  rocksdb::SstFileReader reader(instance.inspection_options());
  RESTORED_TRY(checked(reader.Open(path), "reading the properties of " + path));
  return reader.GetTableProperties();
}

std::vector<GenerationFile> version_files(const Instance& instance,
                                          const StoredGeneration& generation) {
  // Not GetColumnFamilyMetaData: before 10.4 it reads the superversion, which may be older than
  // what a flush that has returned installed. This call reads the version.
  std::vector<rocksdb::LiveFileMetaData> all;
  instance.db().GetLiveFilesMetaData(&all);
  const std::string column_family = column_family_name(generation.number());
  std::vector<GenerationFile> files;
  for (const rocksdb::LiveFileMetaData& file : all) {
    if (file.column_family_name == column_family) files.push_back(described(file));
  }
  return files;
}

}  // namespace

void read_properties(const rocksdb::TableProperties& properties, FileFacts& facts) {
  facts.db_id = properties.db_id;
  facts.db_session_id = properties.db_session_id;
  facts.original_file_number = properties.orig_file_number;
  facts.entries = properties.num_entries;
  facts.deletions = properties.num_deletions;
}

Result<std::vector<GenerationFile>> generation_files(const Instance& instance,
                                                     const StoredGeneration& generation) {
  std::vector<GenerationFile> files = version_files(instance, generation);
  RESTORED_TRY(const rocksdb::TablePropertiesCollection properties,
               cached_properties(instance, generation));
  for (GenerationFile& file : files) {
    const auto found = properties.find(file.path);
    if (found != properties.end()) {
      file.properties = found->second;
    } else {
      RESTORED_TRY(file.properties, stored_properties(instance, file.path));
    }
    read_properties(*file.properties, file.facts);
  }
  return files;
}

Result<std::vector<LocalFile>> files_of(const Instance& instance,
                                        const StoredGeneration& generation) {
  RESTORED_TRY(const rocksdb::TablePropertiesCollection properties,
               cached_properties(instance, generation));
  std::vector<LocalFile> files;
  for (GenerationFile& file : version_files(instance, generation)) {
    const auto found = properties.find(file.path);
    if (found == properties.end()) continue;
    read_properties(*found->second, file.facts);
    files.push_back(LocalFile{.facts = std::move(file.facts),
                              .path = std::move(file.path),
                              .generation = generation.number()});
  }
  return files;
}

}  // namespace restored::catalog
