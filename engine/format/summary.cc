// The two small documents: a backup's summary and the repository's own file.
#include "base/check.h"
#include "format/fields.h"
#include "format/manifest.h"
#include "format/utf8.h"

namespace restored::format {

Summary summarize(const Manifest& manifest) {
  Summary summary;
  summary.backup = manifest.backup;
  summary.database = manifest.database;
  summary.database_name = manifest.database_name;
  summary.name = manifest.name;
  summary.created_at = manifest.created_at;
  summary.incremental = manifest.incremental;
  summary.scheduled = manifest.scheduled;
  summary.stored_bytes = manifest.stored_bytes();
  summary.content_bytes = manifest.content_bytes();
  summary.uploaded_bytes = manifest.uploaded_bytes;
  summary.files = manifest.files.size();
  summary.entries = manifest.entries();
  return summary;
}

std::string encode_summary(const Summary& summary) {
  RESTORED_CHECK(summary.version == format_version, "we write one version");
  boost::json::object object;
  object["backup_id"] = summary.backup.value;
  object["database_id"] = summary.database.value;
  object["database_name"] = to_utf8(summary.database_name);
  object["name"] = to_utf8(summary.name);
  object["created_at_unix_millis"] = summary.created_at;
  object["incremental"] = summary.incremental;
  if (summary.scheduled) object["scheduled"] = true;
  object["stored_bytes"] = summary.stored_bytes;
  object["content_bytes"] = summary.content_bytes;
  object["uploaded_bytes"] = summary.uploaded_bytes;
  object["files"] = summary.files;
  object["entries"] = summary.entries;
  return seal_json(summary_kind, object);
}

Result<Summary> decode_summary(std::string_view bytes) {
  return read_small<Summary>(summary_kind, bytes, [](Fields& fields, Summary& summary) {
    fields.read("backup_id", summary.backup.value);
    fields.read("database_id", summary.database.value);
    fields.read("database_name", summary.database_name);
    fields.read("name", summary.name);
    fields.read("created_at_unix_millis", summary.created_at);
    fields.read("incremental", summary.incremental);
    fields.read_optional("scheduled", summary.scheduled);
    fields.read("stored_bytes", summary.stored_bytes);
    fields.read("content_bytes", summary.content_bytes);
    fields.read("uploaded_bytes", summary.uploaded_bytes);
    fields.read("files", summary.files);
    fields.read("entries", summary.entries);
    if (!valid_id(summary.backup.value)) fields.refuse("backup_id", "is not an id");
    if (!valid_id(summary.database.value)) fields.refuse("database_id", "is not an id");
  });
}

std::string encode_repository(const RepositoryFile& file) {
  RESTORED_CHECK(file.version == format_version, "we write one version");
  RESTORED_CHECK(valid_id(file.repository_id), "a repository has an id");
  boost::json::object object;
  object["repository_id"] = file.repository_id;
  object["created_at_unix_millis"] = file.created_at;
  return seal_json(repository_kind, object);
}

Result<RepositoryFile> decode_repository(std::string_view bytes) {
  return read_small<RepositoryFile>(repository_kind, bytes,
                                    [](Fields& fields, RepositoryFile& file) {
                                      fields.read("repository_id", file.repository_id);
                                      fields.read("created_at_unix_millis", file.created_at);
                                      if (!valid_id(file.repository_id))
                                        fields.refuse("repository_id", "is not an id");
                                    });
}

}  // namespace restored::format
