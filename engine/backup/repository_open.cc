// How a repository is opened, begun, and made an encrypted one.
#include <fmt/core.h>

#include <string>
#include <utility>

#include "backup/documents.h"
#include "backup/repository.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "restored/limits.h"

namespace restored::backup {
namespace {

// repository.json, and what it is sealed with.
struct Opened {
  format::RepositoryFile file;
  const format::DataKey* key = nullptr;
};

Result<Opened> read_repository(ObjectStore& store, const KeyRing& keys, const StoreCall& call) {
  const auto decode = [](std::string_view bytes, const format::DataKey* key) -> Result<Opened> {
    RESTORED_TRY(format::RepositoryFile file, format::decode_repository(bytes));
    return Opened{std::move(file), key};
  };
  const SealedDocuments documents(store, keys, "", nullptr);
  return documents.read(format::repository_kind, std::string(format::repository_key),
                        limits::small_object_bytes_max, call, decode);
}

Result<void> write_repository(ObjectStore& store, const format::RepositoryFile& file,
                              const format::DataKey* data_key, const StoreCall& call) {
  const SealedDocuments documents(store, KeyRing::without_keys(), "", data_key);
  return documents.write(format::repository_kind, std::string(format::repository_key),
                         format::encode_repository(file), call);
}

// Of two hosts that begin it at once the first one's stays: all that is sealed is bound to its id,
// and one without a key must not put its own in the place of a sealed one.
Result<void> begin(ObjectStore& store, const format::RepositoryFile& file,
                   const format::DataKey* data_key, const StoreCall& call) {
  const std::string key(format::repository_key);
  std::string document = format::encode_repository(file);
  if (data_key != nullptr)
    document = SealedDocuments(store, KeyRing::without_keys(), "", data_key)
                   .seal(format::repository_kind, key, document);
  RESTORED_TRY(const auto upload, store.upload(key, call, IfExists::keep));
  const Result<void> written = upload->commit(bytes_of(document));
  if (written || written.error().code == ErrorCode::object_exists) return {};
  upload->abandon();
  return written;
}

Result<Opened> create(ObjectStore& store, const KeyRing& keys, const StoreCall& call) {
  bool backups = false;
  const auto visit = [&](const ObjectInfo& info) {
    backups = info.key.ends_with("/manifest");
    return !backups;
  };
  RESTORED_TRY(store.list("backups/", visit, call));
  if (backups)
    return fail(ErrorCode::corruption,
                fmt::format("{} holds backups but no {}", store.url(), format::repository_key));
  const format::RepositoryFile file{format::format_version, random_id(), system_clock().wall()};
  const format::DataKey* data_key = nullptr;
  if (keys.encrypts()) {
    RESTORED_TRY(data_key, keys.make(store, call));
  }
  RESTORED_TRY(begin(store, file, data_key, call));
  // Another host may have done the same a moment later: what stands there now is the truth.
  return read_repository(store, keys, call);
}

// From here on all that is written is sealed. What was there stays as it is.
Result<Opened> encrypt_from_now_on(ObjectStore& store, const KeyRing& keys,
                                   const format::RepositoryFile& file, const StoreCall& call) {
  RESTORED_TRY(const format::DataKey* data_key, keys.make(store, call));
  RESTORED_TRY(write_repository(store, file, data_key, call));
  log::warning("backup",
               "{} is encrypted from now on; the backups that it holds already are not, and hosts "
               "without the key cannot use it any more",
               store.url());
  return read_repository(store, keys, call);
}

}  // namespace

Result<std::unique_ptr<Repository>> Repository::open(ObjectStore& store, const StoreCall& call,
                                                     IfEmpty if_empty, const KeyRing& keys) {
  auto opened = read_repository(store, keys, call);
  if (!opened && opened.error().code == ErrorCode::object_not_found && if_empty == IfEmpty::begin)
    opened = create(store, keys, call);
  if (opened && opened->key == nullptr && keys.encrypts())
    opened = encrypt_from_now_on(store, keys, opened->file, call);
  // Somebody has put one without a key back: what is written from here on would not be encrypted.
  if (opened && opened->key == nullptr && keys.encrypts())
    return fail(ErrorCode::unencrypted_refused,
                fmt::format("repository {}: its {} was encrypted, and is not any more", store.url(),
                            format::repository_key));
  if (!opened && !damaged_document(opened.error()) && !about_keys(opened.error().code))
    return std::unexpected(std::move(opened).error());
  if (!opened)
    return std::unexpected(context("repository " + store.url(), std::move(opened).error()));
  return std::unique_ptr<Repository>(new Repository(
      store, SealedDocuments(store, keys, std::move(opened->file.repository_id), opened->key)));
}

}  // namespace restored::backup
