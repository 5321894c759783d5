// How a repository is opened, begun, and made an encrypted one.
#include <fmt/core.h>

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "backup/collection_lease.h"
#include "backup/documents.h"
#include "backup/repository.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "restored/limits.h"

namespace restored::backup {
namespace {

// repository.json, what it is sealed with, and its bytes.
struct Opened {
  format::RepositoryFile file;
  const format::DataKey* key = nullptr;
  std::string bytes;
  // Why it is the second copy's: the first one is to be written again, once the id is known to be
  // the right one.
  std::optional<Error> first_damage;
};

const std::string& repository_key() {
  static const std::string key(format::repository_key);
  return key;
}

Result<Opened> decode_opened(const SealedDocuments& documents, std::string_view bytes,
                             const StoreCall& call) {
  RESTORED_TRY(const SealedDocuments::Opened found,
               documents.open(format::repository_kind, repository_key(), bytes, call));
  RESTORED_TRY(format::RepositoryFile file,
               format::decode_repository(found.key == nullptr ? bytes : found.document));
  return Opened{std::move(file), found.key, std::string(bytes), {}};
}

void put_back(ObjectStore& store, const std::string& key, const std::string& bytes,
              const StoreCall& call) {
  const Result<void> written = store.put(key, bytes_of(bytes), call);
  if (!written)
    log::warning("backup", "{} of {} cannot be written again: {}", key, store.url(),
                 written.error().message);
}

std::string_view after_first_line(std::string_view bytes) {
  const std::size_t end = bytes.find('\n');
  return end == std::string_view::npos ? std::string_view() : bytes.substr(end + 1);
}

// What a first line says that is not what was written can look like a newer version, or like
// another data key. What is sealed shows it: no two documents have the same there.
bool differ_in_first_line(std::string_view a, std::string_view b) {
  return !after_first_line(a).empty() && after_first_line(a) == after_first_line(b);
}

// Of a second copy: it says nothing about the first one.
bool counts_for_none(const Error& error) {
  return missing_or_damaged(error) || error.code == ErrorCode::store_permission_denied ||
         error.code == ErrorCode::unencrypted_refused;
}

// Of an encrypted repository there is a second copy, since without the id that it says nothing of
// all the rest opens. It is looked at when the first one is not whole, and counts for no more:
// whoever could put an older one there could put it into the place of the first. Writes nothing.
Result<Opened> read_repository(ObjectStore& store, const KeyRing& keys, const StoreCall& call) {
  const SealedDocuments documents(store, keys, "", nullptr);
  std::string bytes;  // as they were read last
  const auto decode = [&](std::string_view got) {
    bytes = got;
    return decode_opened(documents, got, call);
  };
  const auto read = [&](const std::string& key) {
    return read_document(store, key, limits::small_object_bytes_max + format::sealing_bytes_max,
                         call, decode);
  };
  auto opened = read(repository_key());
  if (opened) return opened;
  const ErrorCode code = opened.error().code;
  // A newer agent may have written it, or one with another key: then the second copy is older.
  const bool if_first_line = code == ErrorCode::unsupported_format || about_keys(code);
  // Who may not list is not told that something is missing, but that it is forbidden.
  const bool forbidden = code == ErrorCode::store_permission_denied;
  if (!if_first_line && !forbidden && !missing_or_damaged(opened.error())) return opened;
  const std::string first = bytes;
  auto spare = read(format::spare_key(repository_key()));
  if (if_first_line && !(spare && differ_in_first_line(first, spare->bytes))) return opened;
  if (spare ? spare->key == nullptr : forbidden || counts_for_none(spare.error())) return opened;
  if (!spare) return spare;
  if (!forbidden) spare->first_damage = std::move(opened).error();
  return spare;
}

void mend_first(ObjectStore& store, const Opened& opened, const StoreCall& call) {
  if (!opened.first_damage) return;
  log::warning("backup", "{}: {}; its second copy is whole, and is put in its place", store.url(),
               opened.first_damage->message);
  put_back(store, repository_key(), opened.bytes, call);
}

// What the next damage of repository.json will be mended with. When it says another repository,
// what stands in first place may be what does not belong there.
void look_after_spare(ObjectStore& store, const KeyRing& keys, const Opened& opened,
                      const StoreCall& call) {
  if (opened.key == nullptr) return;
  const std::string key = format::spare_key(repository_key());
  const auto spare =
      store.get(key, limits::small_object_bytes_max + format::sealing_bytes_max, call);
  if (spare && *spare == opened.bytes) return;
  if (!spare && !missing_or_damaged(spare.error())) return;
  const SealedDocuments documents(store, keys, "", nullptr);
  const auto said = spare ? decode_opened(documents, *spare, call) : std::unexpected(spare.error());
  if (!said && said.error().code == ErrorCode::unsupported_format &&
      !differ_in_first_line(*spare, opened.bytes)) {
    log::warning("backup", "{}: {} was written by a newer agent: it stays as it is", store.url(),
                 key);
    return;
  }
  if (said && said->key != nullptr && said->file.repository_id != opened.file.repository_id) {
    log::warning("backup", "{}: {} is that of repository {}, and {} that of {}: it stays as it is",
                 store.url(), key, said->file.repository_id, repository_key(),
                 opened.file.repository_id);
    return;
  }
  log::info("backup", "{}: writes {}, which {}", store.url(), key,
            spare ? "differs from " + repository_key() : "is not there");
  put_back(store, key, opened.bytes, call);
}

// A repository from before there were second copies has none of its keys. Not written here: a rekey
// could be removing it.
void tell_of_missing_copies(ObjectStore& store, const KeyRing& keys, const Opened& opened,
                            const StoreCall& call) {
  if (opened.key == nullptr) return;
  for (const format::WrappingKey& wrapping : keys.wrapping_keys()) {
    const std::string key = format::wrapped_key_key(opened.key->id(), wrapping.id());
    const auto spare = object_exists(store, format::spare_key(key), call);
    if (!spare || *spare) continue;
    const auto first = object_exists(store, key, call);
    if (first && *first)
      log::warning("backup", "{}: {} has no second copy: rekey --keep-previous writes it",
                   store.url(), key);
  }
}

Result<void> write_repository(ObjectStore& store, const format::RepositoryFile& file,
                              const format::DataKey* data_key, const StoreCall& call) {
  const SealedDocuments documents(store, KeyRing::without_keys(), "", data_key);
  return documents.write(format::repository_kind, repository_key(), format::encode_repository(file),
                         call);
}

// Of two hosts that begin it at once the first one's stays: all that is sealed is bound to its id,
// and one without a key must not put its own in the place of a sealed one.
Result<void> write_first(ObjectStore& store, const format::RepositoryFile& file,
                         const format::DataKey* data_key, const StoreCall& call) {
  const std::string document =
      SealedDocuments(store, KeyRing::without_keys(), "", data_key)
          .seal(format::repository_kind, repository_key(), format::encode_repository(file));
  RESTORED_TRY(const auto upload, store.upload(repository_key(), call, IfExists::keep));
  const Result<void> written = upload->commit(bytes_of(document));
  if (written || written.error().code == ErrorCode::object_exists) return {};
  upload->abandon();
  return written;
}

// Whether the store keeps what is there when it is asked to: not all servers know how.
Result<bool> keeps_what_is_there(ObjectStore& store, const StoreCall& call) {
  const std::string key = std::string(format::probes_prefix) + random_id();
  Result<void> written;
  for (int time = 0; written && time < 2; ++time) {
    RESTORED_TRY(const auto upload, store.upload(key, call, IfExists::keep));
    written = upload->commit(bytes_of("probe"));
    if (!written) upload->abandon();
  }
  RESTORED_TRY(store.remove(key, call));
  if (written) return false;
  if (written.error().code == ErrorCode::object_exists) return true;
  return std::unexpected(std::move(written).error());
}

Result<void> expect_no_backups(ObjectStore& store, const StoreCall& call) {
  bool backups = false;
  const auto visit = [&](const ObjectInfo& info) {
    backups = info.key.ends_with("/manifest");
    return !backups;
  };
  RESTORED_TRY(store.list("backups/", visit, call));
  if (!backups) return {};
  return fail(ErrorCode::corruption,
              fmt::format("{} holds backups but no {}", store.url(), repository_key()));
}

// Under a lease: whether its one write may still come to pass in the store.
struct Alone {
  const CollectionLease& lease;
  bool in_doubt = false;
};

Result<Opened> create(ObjectStore& store, const KeyRing& keys, const StoreCall& call,
                      Alone* alone = nullptr) {
  RESTORED_TRY(expect_no_backups(store, call));
  const format::RepositoryFile file{format::format_version, random_id(), system_clock().wall()};
  const format::DataKey* data_key = nullptr;
  if (keys.encrypts()) {
    RESTORED_TRY(data_key, keys.make(store, call));
  }
  if (alone != nullptr && alone->lease.lapsed())
    return fail(ErrorCode::timed_out, "the mark could not be renewed in time");
  const Result<void> written = write_first(store, file, data_key, call);
  if (alone != nullptr) alone->in_doubt = !written && !CollectionLease::refused(written.error());
  RESTORED_TRY(written);
  // Another host may have done the same a moment later: what stands there now is the truth.
  return read_repository(store, keys, call);
}

// Where the later one of two hosts replaces what the first one wrote, they begin one after the
// other: by the mark that keeps collections apart.
Result<Opened> create_alone(ObjectStore& store, const KeyRing& keys, const StoreCall& call) {
  auto lease = CollectionLease::take(store, "that begins the repository", {}, call);
  if (!lease) return std::unexpected(std::move(lease).error());
  auto opened = read_repository(store, keys, call);
  Alone alone{**lease};
  if (!opened && opened.error().code == ErrorCode::object_not_found) {
    StoreCall own = call;
    own.only_once = true;
    opened = create(store, keys, own, &alone);
  }
  // What may still come to pass must not meet another host's.
  const Result<void> released = alone.in_doubt ? Result<void>() : (*lease)->release(call);
  if (alone.in_doubt || !released)
    log::warning("backup", "a mark stays until it is stale: nobody begins {} meanwhile",
                 store.url());
  return opened;
}

Result<Opened> begin(ObjectStore& store, const KeyRing& keys, const StoreCall& call) {
  RESTORED_TRY(const bool keeps, keeps_what_is_there(store, call));
  return keeps ? create(store, keys, call) : create_alone(store, keys, call);
}

// From here on all that is written is sealed. What was there stays as it is. Of several hosts that
// do it at once each makes a data key, which is no harm: all of them stay wrapped, and hosts look
// before each backup which one is in use.
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

std::unexpected<Error> not_encrypted_any_more(const ObjectStore& store) {
  return fail(ErrorCode::unencrypted_refused,
              fmt::format("repository {}: its {} was encrypted, and is not any more", store.url(),
                          format::repository_key));
}

std::unexpected<Error> not_opened(const ObjectStore& store, Error error) {
  if (!damaged_document(error) && !about_keys(error.code)) return std::unexpected(std::move(error));
  return std::unexpected(context("repository " + store.url(), std::move(error)));
}

}  // namespace

Result<std::unique_ptr<Repository>> Repository::open(ObjectStore& store, const StoreCall& call,
                                                     IfEmpty if_empty, const KeyRing& keys,
                                                     const Admission& admit) {
  auto opened = read_repository(store, keys, call);
  if (opened && admit) RESTORED_TRY(admit(opened->file.repository_id));
  if (!opened && opened.error().code == ErrorCode::object_not_found && if_empty == IfEmpty::begin)
    opened = begin(store, keys, call);
  if (opened) mend_first(store, *opened, call);
  // It may be the work of somebody who was killed; from here on this host refuses to begin another.
  if (opened) RESTORED_TRY(store.settle(std::array{std::string(format::repository_key)}, call));
  if (opened && opened->key == nullptr && keys.encrypts())
    opened = encrypt_from_now_on(store, keys, opened->file, call);
  // Somebody has put one without a key back: what is written from here on would not be encrypted.
  if (opened && opened->key == nullptr && keys.encrypts()) return not_encrypted_any_more(store);
  if (!opened) return not_opened(store, std::move(opened).error());
  look_after_spare(store, keys, *opened, call);
  tell_of_missing_copies(store, keys, *opened, call);
  return std::unique_ptr<Repository>(new Repository(
      store, SealedDocuments(store, keys, std::move(opened->file.repository_id), opened->key),
      Use::reading_and_writing));
}

Result<std::unique_ptr<const Repository>> Repository::open_for_reading(ObjectStore& store,
                                                                       const StoreCall& call,
                                                                       const KeyRing& keys) {
  auto opened = read_repository(store, keys, call);
  if (!opened) return not_opened(store, std::move(opened).error());
  return std::unique_ptr<const Repository>(new Repository(
      store, SealedDocuments(store, keys, std::move(opened->file.repository_id), opened->key),
      Use::reading));
}

Result<bool> Repository::confirm(const StoreCall& call) const {
  const auto now = read_repository(store_, keys(), call);
  if (!now && now.error().code == ErrorCode::object_not_found)
    return fail(ErrorCode::corruption,
                fmt::format("repository {}: its {} is gone", store_.url(), format::repository_key));
  if (!now) return std::unexpected(context("repository " + store_.url(), now.error()));
  if (now->file.repository_id != id())
    return fail(ErrorCode::store_misconfigured,
                fmt::format("repository {}: it is another one now, {} instead of {}", store_.url(),
                            now->file.repository_id, id()),
                "Try again: what is there now is looked at anew.");
  if (keys().encrypts() && now->key == nullptr) return not_encrypted_any_more(store_);
  if (use_ == Use::reading_and_writing) mend_first(store_, *now, call);
  return now->key == data_key();
}

bool Repository::tells_of_another(const Error& error) {
  return about_keys(error.code) || error.code == ErrorCode::store_misconfigured;
}

bool Repository::tells_of_a_change(const Error& error) {
  return tells_of_another(error) || error.code == ErrorCode::corruption ||
         error.code == ErrorCode::unsupported_format;
}

}  // namespace restored::backup
