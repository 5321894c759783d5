// A repository: a prefix in an object store that holds backups, shared by databases and hosts.
// Threading: all methods may be called from any thread at once; they block on the store.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
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
  enum class IfEmpty : std::uint8_t { begin, refuse };
  // Reads repository.json, or writes it into an empty repository.
  // Errors: unsupported_format, corruption (also: there are backups but no repository.json), store
  // errors; object_not_found when there is no repository.json and none is to be begun.
  static Result<std::unique_ptr<Repository>> open(ObjectStore& store, std::stop_token stop,
                                                  IfEmpty if_empty = IfEmpty::begin);

  const std::string& id() const { return id_; }
  ObjectStore& store() const { return store_; }

  // Errors: backup_not_found, backup_not_usable (corrupt or of a newer format: says which),
  // object_store_unavailable. Makes no LIST call.
  Result<format::Manifest> manifest(const BackupId& backup, std::stop_token stop) const;
  Result<LoadedBackup> load(const BackupId& backup, std::stop_token stop) const;

  // Writes frames, summary, then the manifest: the backup exists from then on. On error it does
  // not, and nothing but its objects is left, as far as the store still obeys.
  // Errors: store errors; object_exists (a backup has this id already).
  Result<void> publish(const format::Manifest& manifest, std::span<const format::Frame> frames,
                       std::stop_token stop);

  // Newest first. A summary that cannot be read is skipped and logged; one whose backup does not
  // exist (a crash left it) is skipped.
  Result<std::vector<format::Summary>> list(const DatabaseId& database, std::stop_token stop) const;

  // Manifest first (from then on the backup does not exist), then the rest, then the objects that
  // no other manifest of the repository names. What could not be removed after the manifest is
  // logged and removed by the next call; so is what crashes and cancelled backups left, once it is
  // limits::orphan_seconds old.
  // REQUIRES: nothing in this process makes a backup or reads this one meanwhile. Other hosts must
  // not make one either: see "Order of writing and removing" in format/FORMAT.md.
  // Errors: backup_not_found, cancelled, store errors; with an error the backup still exists.
  Result<void> remove(const BackupId& backup, std::stop_token stop);

 private:
  Repository(ObjectStore& store, std::string id) : store_(store), id_(std::move(id)) {}
  ObjectStore& store_;
  std::string id_;
};

}  // namespace restored::backup
