#include "backup/file_facts.h"

namespace restored::backup {

format::SstIdentity identity_of(const catalog::FileFacts& facts) {
  return {facts.db_id, facts.db_session_id, facts.original_file_number, facts.size_bytes};
}

format::ManifestFile manifest_file(const catalog::FileFacts& facts) {
  format::ManifestFile file;
  file.name = facts.name;
  file.size_bytes = facts.size_bytes;
  file.identity = identity_of(facts);
  file.level = facts.level;
  file.smallest_sequence = facts.smallest_sequence;
  file.largest_sequence = facts.largest_sequence;
  file.smallest_key = facts.smallest_key;
  file.largest_key = facts.largest_key;
  file.smallest_internal_key = facts.smallest_internal_key;
  file.largest_internal_key = facts.largest_internal_key;
  file.epoch_number = facts.epoch_number;
  file.entries = facts.entries;
  file.deletions = facts.deletions;
  file.oldest_ancestor_time = facts.oldest_ancestor_time;
  file.file_creation_time = facts.file_creation_time;
  return file;
}

catalog::FileFacts file_facts(const format::ManifestFile& file) {
  catalog::FileFacts facts;
  facts.name = file.name;
  facts.size_bytes = file.size_bytes;
  facts.db_id = file.identity.db_id;
  facts.db_session_id = file.identity.db_session_id;
  facts.original_file_number = file.identity.original_file_number;
  facts.level = file.level;
  facts.smallest_sequence = file.smallest_sequence;
  facts.largest_sequence = file.largest_sequence;
  facts.smallest_key = file.smallest_key;
  facts.largest_key = file.largest_key;
  facts.smallest_internal_key = file.smallest_internal_key;
  facts.largest_internal_key = file.largest_internal_key;
  facts.epoch_number = file.epoch_number;
  facts.entries = file.entries;
  facts.deletions = file.deletions;
  facts.oldest_ancestor_time = file.oldest_ancestor_time;
  facts.file_creation_time = file.file_creation_time;
  return facts;
}

}  // namespace restored::backup
