// A repository: a prefix in an object store that holds backups, shared by databases and hosts.
// Threading: all methods may be called from any thread at once; they block on the store.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "format/manifest.h"
#include "restored/error.h"
#include "restored/object_store.h"

namespace restored::backup {

struct LoadedBackup {
  format::Manifest manifest;
  std::vector<format::Frame> frames;  // in the manifest's order
};

class Repository {
 public:
  // Reads repository.json, or writes it into an empty repository.
  // Errors: unsupported_format, corruption, store errors.
  static Result<std::unique_ptr<Repository>> open(ObjectStore& store, std::stop_token stop);

  const std::string& id() const { return id_; }
  ObjectStore& store() const { return store_; }

  // Errors: backup_not_found, backup_not_usable (corrupt or of a newer format: says which),
  // object_store_unavailable. Makes no LIST call.
  Result<format::Manifest> manifest(const BackupId& backup, std::stop_token stop) const;
  Result<LoadedBackup> load(const BackupId& backup, std::stop_token stop) const;

  // Writes frames, summary, then the manifest: the backup exists from then on.
  Result<void> publish(const format::Manifest& manifest, std::span<const format::Frame> frames,
                       std::stop_token stop);

  // Newest first. A summary that cannot be read is skipped and logged.
  Result<std::vector<format::Summary>> list(const DatabaseId& database, std::stop_token stop) const;

  // Manifest first (from then on the backup does not exist), then the rest, then the objects that
  // no other manifest of the repository names. Errors: backup_not_found, store errors; what could
  // not be removed is removed by the next collection.
  Result<void> remove(const BackupId& backup, std::stop_token stop);

 private:
  Repository(ObjectStore& store, std::string id) : store_(store), id_(std::move(id)) {}
  ObjectStore& store_;
  std::string id_;
};

}  // namespace restored::backup
