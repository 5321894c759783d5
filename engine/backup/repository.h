// A repository: a prefix in an object store that holds backups, shared by databases and hosts.
// Threading: all methods may be called from any thread at once; they block on the store.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backup/key_ring.h"
#include "backup/sealed_documents.h"
#include "format/contents.h"
#include "format/manifest.h"
#include "restored/error.h"
#include "restored/object_store.h"

namespace restored::backup {

struct LoadedBackup {
  format::Manifest manifest;
  std::vector<format::Frame> frames;     // in the manifest's order
  const format::DataKey* key = nullptr;  // what all of it is sealed with; null: nothing is

  format::ObjectSeal seal(const format::ManifestFile& file) const { return {key, file.content}; }
};

// One of which nothing is known but that it exists, for want of a key or because it is not
// encrypted.
struct UnreadableBackup {
  BackupId id;
  UnixMillis written_at = 0;  // its summary, in the store's time
  Error error;
};

// What removed backups have left for a collection.
struct Leftovers {
  std::set<BackupId> backups;
  std::set<format::ContentId> contents;

  void add(Leftovers more) {
    backups.merge(more.backups);
    contents.merge(more.contents);
  }
};

class Repository {
 public:
  enum class IfEmpty : std::uint8_t { begin, refuse };
  // Whether the repository with this id, which is there, is the one that is meant.
  using Admission = std::function<Result<void>(const std::string& id)>;
  // Reads repository.json, or writes it into an empty repository. With keys it is encrypted; one
  // that was not becomes so, when the ring accepts that: what is written from then on is sealed.
  // The ring outlives it. `admit` is asked before anything is written to one that is there.
  // Errors: unsupported_format, corruption (also: there are backups but no repository.json), store
  // errors; object_not_found when there is no repository.json and none is to be begun;
  // encryption_key_missing, encryption_key_unknown, unencrypted_refused; admit's.
  static Result<std::unique_ptr<Repository>> open(ObjectStore& store, const StoreCall& call,
                                                  IfEmpty if_empty = IfEmpty::begin,
                                                  const KeyRing& keys = KeyRing::without_keys(),
                                                  const Admission& admit = nullptr);
  // One that is there, as it is: nothing in it is mended, and it is not made an encrypted one.
  static Result<std::unique_ptr<const Repository>> open_for_reading(ObjectStore& store,
                                                                    const StoreCall& call,
                                                                    const KeyRing& keys);

  // Whether repository.json still is what this was opened with. False: another data key is in use
  // now; what is sealed with ours opens all the same. Errors, after which nothing may be written to
  // it any more, as from open(); also store_misconfigured: another repository is in its place.
  Result<bool> confirm(const StoreCall& call) const;
  // Whether an error of confirm() says that the repository is not what it was, and not only that
  // its store is away.
  static bool tells_of_a_change(const Error& error);
  // Only that another repository, or another key, is in its place.
  static bool tells_of_another(const Error& error);

  const std::string& id() const { return documents_.repository_id(); }
  // What new backups are sealed with; null: they are not encrypted.
  const format::DataKey* data_key() const { return documents_.data_key(); }
  const KeyRing& keys() const { return documents_.keys(); }
  ObjectStore& store() const { return store_; }

  // Errors: backup_not_found, backup_not_usable (corrupt, also when read again, or of a newer
  // format: says which), object_store_unavailable; those of keys. Makes no LIST call.
  Result<format::Manifest> manifest(const BackupId& backup, const StoreCall& call) const;
  Result<LoadedBackup> load(const BackupId& backup, const StoreCall& call) const;
  // The objects that a backup needs, or one that is being made; of its manifest, when it has no
  // contents (of its own). Errors: backup_not_found (it has neither), as manifest().
  Result<format::Contents> contents(const BackupId& backup, const StoreCall& call) const;

  // Tells collections what a backup is about to name; see secure_objects(), which calls it.
  // Errors: limit_reached, store errors.
  Result<void> announce(const format::Contents& contents, const StoreCall& call);
  // Writes frames, summary, then the manifest: the backup exists from then on. On error it does
  // not, and nothing but its objects is left, as far as the store still obeys; also when the
  // repository turns out to have changed while the manifest was written.
  // Errors: store errors; object_exists (a backup has this id already), timed_out (its contents
  // are gone: somebody took it for left behind); confirm()'s.
  Result<void> publish(const format::Manifest& manifest, std::span<const format::Frame> frames,
                       const StoreCall& call);
  // That the backup is there, or is not, stays so over a power loss; see ObjectStore::settle.
  Result<void> settle(const BackupId& backup, const StoreCall& call) const;
  // Removes every document of a backup, so that it does not exist: the manifest first, since it
  // may stand there although its writing failed; the contents last. Goes on for a moment after
  // the call was stopped. Errors: store errors.
  Result<void> withdraw(const DatabaseId& database, const BackupId& backup, const StoreCall& call);

  // Newest first. A summary that cannot be read is skipped and logged, or told to `unreadable`; one
  // whose backup does not exist (a crash left it) is skipped.
  Result<std::vector<format::Summary>> list(
      const DatabaseId& database, const StoreCall& call,
      std::vector<UnreadableBackup>* unreadable = nullptr) const;

  // Manifest first (from then on the backup does not exist), then its other documents. What could
  // not be removed after the manifest is logged; collect() removes it, and the objects.
  // Errors: backup_not_found, cancelled, store errors; with an error the backup still exists.
  Result<Leftovers> remove(const BackupId& backup, const StoreCall& call);

  // Objects that a verification found damaged: no backup shares them. Errors: store errors.
  Result<std::set<format::ContentId>> damaged(const StoreCall& call) const;
  Result<format::Damage> damage(const format::ContentId& content, const StoreCall& call) const;
  Result<void> note_damage(const format::Damage& damage, const StoreCall& call);
  Result<void> forget_damage(const format::ContentId& content, const StoreCall& call);

 private:
  enum class Use : std::uint8_t { reading_and_writing, reading };
  Repository(ObjectStore& store, SealedDocuments documents, Use use)
      : store_(store), documents_(std::move(documents)), use_(use) {}
  struct OpenedManifest {
    format::Manifest manifest;
    const format::DataKey* key = nullptr;
  };
  Result<OpenedManifest> open_manifest(const BackupId& backup, const StoreCall& call) const;
  Result<std::vector<format::Frame>> read_frames(const OpenedManifest& of,
                                                 const StoreCall& call) const;
  std::string sealed_frames(const format::Manifest& manifest, std::string index) const;

  ObjectStore& store_;
  const SealedDocuments documents_;
  const Use use_;
};

}  // namespace restored::backup
