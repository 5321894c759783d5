#include "backup/key_ring.h"

#include <fmt/core.h>

#include <optional>
#include <string_view>
#include <utility>

#include "backup/documents.h"
#include "base/log.h"
#include "format/sealed.h"
#include "restored/limits.h"

namespace restored::backup {
namespace {

std::string ids_of(std::span<const format::WrappingKey> keys) {
  std::string ids;
  for (const format::WrappingKey& key : keys) ids += (ids.empty() ? "" : ", ") + key.id();
  return ids;
}

// For a message: by which keys it is wrapped, as far as the store tells.
std::string wrapped_by(ObjectStore& store, const std::string& data_key_id, const StoreCall& call) {
  const std::string prefix = format::wrapped_key_prefix(data_key_id);
  std::string ids;
  const auto visit = [&](const ObjectInfo& info) {
    const std::string_view id = std::string_view(info.key).substr(prefix.size());
    if (format::valid_key_id(id)) ids += (ids.empty() ? "" : ", ") + std::string(id);
    return true;
  };
  const Result<void> listed = store.list(prefix, visit, call);
  if (!listed || ids.empty()) return "no key at all, as far as the repository tells";
  return ids;
}

Result<format::DataKey> read_copy(ObjectStore& store, const std::string& copy,
                                  const format::WrappingKey& wrapping,
                                  const std::string& data_key_id, const StoreCall& call) {
  return read_document(
      store, copy, limits::small_object_bytes_max, call,
      [&](std::string_view bytes) { return format::unwrap_key(wrapping, data_key_id, bytes); });
}

}  // namespace

const KeyRing& KeyRing::without_keys() {
  static const KeyRing none;
  return none;
}

Result<void> store_wrapped(ObjectStore& store, const format::WrappingKey& wrapping,
                           const format::DataKey& data_key, const StoreCall& call) {
  const std::string key = format::wrapped_key_key(data_key.id(), wrapping.id());
  const std::string wrapped = format::wrap_key(wrapping, data_key);
  for (const std::string& copy : {key, format::spare_key(key)})
    RESTORED_TRY(store.put(copy, bytes_of(wrapped), call));
  return check_wrapped(store, wrapping, data_key.id(), call);
}

Result<format::DataKey> read_wrapped(ObjectStore& store, const format::WrappingKey& wrapping,
                                     const std::string& data_key_id, const StoreCall& call) {
  const std::string key = format::wrapped_key_key(data_key_id, wrapping.id());
  auto first = read_copy(store, key, wrapping, data_key_id, call);
  // Who may not list is not told that something is missing, but that it is forbidden.
  const bool forbidden = !first && first.error().code == ErrorCode::store_permission_denied;
  if (first || (!forbidden && !missing_or_damaged(first.error()))) return first;
  auto spare = read_copy(store, format::spare_key(key), wrapping, data_key_id, call);
  if (!spare && (forbidden || spare.error().code == ErrorCode::object_not_found ||
                 spare.error().code == ErrorCode::store_permission_denied))
    return first;
  if (spare)
    log::warning("backup",
                 "{}: {}; its second copy is whole: write it again by a rekey --keep-previous",
                 store.url(), first.error().message);
  return spare;
}

Result<void> check_wrapped(ObjectStore& store, const format::WrappingKey& wrapping,
                           const std::string& data_key_id, const StoreCall& call) {
  const std::string key = format::wrapped_key_key(data_key_id, wrapping.id());
  for (const std::string& copy : {key, format::spare_key(key)})
    RESTORED_TRY(read_copy(store, copy, wrapping, data_key_id, call));
  return {};
}

const format::DataKey* KeyRing::keep(format::DataKey key) const {
  auto kept = std::make_unique<const format::DataKey>(std::move(key));
  const MutexLock lock(mutex_);
  // Another thread may have been first: what is there is pointed to already.
  return data_keys_.try_emplace(kept->id(), std::move(kept)).first->second.get();
}

Result<const format::DataKey*> KeyRing::make(ObjectStore& store, const StoreCall& call) const {
  format::DataKey key(seal::Key::random());
  RESTORED_TRY(store_wrapped(store, keys_.front(), key, call));
  log::info("backup", "{} has the new data key {}, wrapped by key {}", store.url(), key.id(),
            keys_.front().id());
  return keep(std::move(key));
}

Result<const format::DataKey*> KeyRing::find(ObjectStore& store, const std::string& id,
                                             const StoreCall& call) const {
  {
    const MutexLock lock(mutex_);
    if (const auto known = data_keys_.find(id); known != data_keys_.end())
      return known->second.get();
  }
  if (keys_.empty())
    return fail(ErrorCode::encryption_key_missing,
                fmt::format("it is encrypted with data key {}, and this agent has no key; that is "
                            "wrapped by {}",
                            id, wrapped_by(store, id, call)));
  // Of one wrapping: another one may be whole, or be there at all.
  std::optional<Error> damage;
  std::optional<Error> forbidden;
  for (const format::WrappingKey& wrapping : keys_) {
    Result<format::DataKey> key = read_wrapped(store, wrapping, id, call);
    if (key) return keep(std::move(*key));
    if (key.error().code == ErrorCode::object_not_found) continue;
    const ErrorCode code = key.error().code;
    if (code != ErrorCode::corruption && code != ErrorCode::store_permission_denied)
      return std::unexpected(std::move(key).error());
    auto& kept = code == ErrorCode::corruption ? damage : forbidden;
    if (!kept) kept = std::move(key).error();
  }
  if (damage) return std::unexpected(std::move(*damage));
  if (forbidden) return std::unexpected(std::move(*forbidden));
  return fail(
      ErrorCode::encryption_key_unknown,
      fmt::format("none of this agent's keys ({}) opens data key {}, which is wrapped by {}",
                  ids_of(keys_), id, wrapped_by(store, id, call)));
}

}  // namespace restored::backup
