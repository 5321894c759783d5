#include "store/file_store.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "restored/limits.h"
#include "store/file_upload.h"
#include "store/object_key.h"

namespace restored::store {
namespace {

constexpr std::string_view temporary_directory = "/.tmp";

// Below this the page cache is no worse, and index blocks are read again.
constexpr std::uint64_t direct_read_bytes_min = 256 * kKiB;

bool aligned(std::uint64_t offset, std::span<const std::byte> bytes) {
  return offset % limits::io_alignment == 0 &&
         reinterpret_cast<std::uintptr_t>(bytes.data()) % limits::io_alignment == 0;
}

}  // namespace

Result<std::unique_ptr<FileStore>> FileStore::open(std::string root, io::FileSystem& files,
                                                   io::IoQueue* queue) {
  RESTORED_CHECK(root.starts_with('/'), "the URL's parser refuses relative directories");
  std::unique_ptr<FileStore> store(new FileStore(std::move(root), files, queue));
  auto made = files.make_directories(store->root_ + std::string(temporary_directory));
  if (!made) return store->translate("", std::move(made).error());
  const auto removed = store->remove_stale_uploads(limits::upload_stale_seconds, StoreCall());
  if (!removed) log::warning("store", "{}", removed.error().message);
  return store;
}

std::unique_ptr<FileStore> FileStore::open_for_reading(std::string root, io::FileSystem& files,
                                                       io::IoQueue* queue) {
  RESTORED_CHECK(root.starts_with('/'), "the URL's parser refuses relative directories");
  return std::unique_ptr<FileStore>(new FileStore(std::move(root), files, queue));
}

Result<std::uint64_t> FileStore::remove_stale_uploads(std::uint64_t age_seconds,
                                                      const StoreCall& call) {
  const std::string directory = root_ + std::string(temporary_directory);
  auto entries = files_.list(directory);
  if (!entries) return translate("", std::move(entries).error());
  const UnixMillis stale_before =
      system_clock().wall() - static_cast<UnixMillis>(age_seconds) * 1000;
  std::uint64_t removed = 0;
  for (const io::Entry& entry : *entries) {
    if (call.stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
    if (entry.directory || entry.modified_unix_millis >= stale_before) continue;
    const std::string path = directory + '/' + entry.name;
    if (const auto gone = files_.remove_file(path); !gone) {
      log::warning("store", "{}", gone.error().message);
      continue;
    }
    log::info("store", "removed {} that a killed upload left", path);
    ++removed;
  }
  return removed;
}

std::unexpected<Error> FileStore::translate(std::string_view key, Error error) const {
  switch (error.code) {
    case ErrorCode::file_not_found:
      error.code = ErrorCode::object_not_found;
      // Every path of ours begins with the root: without its mark the whole repository is gone.
      if (!files_.stat(root_ + std::string(temporary_directory))) {
        error.code = ErrorCode::object_store_unavailable;
        error.hint = "Mount the repository's file system, or correct --repository.";
      }
      break;
    case ErrorCode::permission_denied:
      error.code = ErrorCode::store_permission_denied;
      break;
    default:
      break;
  }
  const std::string where =
      key.empty() ? "repository " + url() : fmt::format("object {} of {}", key, url());
  return std::unexpected(context(where, std::move(error)));
}

Result<std::string> FileStore::path_of(std::string_view key, const std::stop_token& stop) const {
  RESTORED_TRY(check_key(key));
  if (stop.stop_requested())
    return fail(ErrorCode::cancelled, "stopped before " + std::string(key));
  return root_ + '/' + std::string(key);
}

Result<ObjectInfo> FileStore::stat(std::string_view key, const StoreCall& call) {
  RESTORED_TRY(const std::string path, path_of(key, call.stop));
  auto entry = files_.stat(path);
  if (entry && entry->directory)
    entry = fail(ErrorCode::file_not_found, path + " is a directory, not an object");
  if (!entry) return translate(key, std::move(entry).error());
  return ObjectInfo{std::string(key), entry->size_bytes, entry->modified_unix_millis};
}

Result<void> FileStore::read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                             const StoreCall& call) {
  RESTORED_TRY(const std::string path, path_of(key, call.stop));
  const auto buffered = [&]() -> Result<void> {
    RESTORED_TRY(const auto file, files_.open(path, io::Access::read, io::Caching::buffered));
    return file->read_at(offset, into);
  };
  auto filled = into.size() >= direct_read_bytes_min && aligned(offset, into)
                    ? read_direct(path, offset, into)
                    : buffered();
  if (!filled) return translate(key, std::move(filled).error());
  return {};
}

// Only the object's last block can be less than a whole one; it comes through the page cache.
Result<void> FileStore::read_direct(const std::string& path, std::uint64_t offset,
                                    std::span<std::byte> into) {
  const auto whole = into.first(into.size() / limits::io_alignment * limits::io_alignment);
  RESTORED_TRY(const auto direct, files_.open(path, io::Access::read, io::Caching::direct));
  RESTORED_TRY(queue_ != nullptr ? io::read_parallel(*queue_, *direct, offset, whole)
                                 : direct->read_at(offset, whole));
  if (whole.size() == into.size()) return {};
  RESTORED_TRY(const auto buffered, files_.open(path, io::Access::read, io::Caching::buffered));
  return buffered->read_at(offset + whole.size(), into.subspan(whole.size()));
}

Result<std::string> FileStore::get(std::string_view key, std::uint64_t bytes_max,
                                   const StoreCall& call) {
  RESTORED_TRY(const std::string path, path_of(key, call.stop));
  auto content = io::read_file(files_, path, bytes_max);
  if (!content) return translate(key, std::move(content).error());
  return content;
}

Result<void> FileStore::put(std::string_view key, std::span<const std::byte> bytes,
                            const StoreCall& call) {
  RESTORED_TRY(const auto object, upload(key, call, IfExists::replace));
  return object->commit(bytes);
}

Result<std::unique_ptr<ObjectUpload>> FileStore::upload(std::string_view key, const StoreCall& call,
                                                        IfExists if_exists) {
  FileUpload::Place place;
  RESTORED_TRY(place.target_path, path_of(key, call.stop));
  place.key = key;
  place.if_exists = if_exists;
  place.temporary_path = fmt::format("{}{}/{}", root_, temporary_directory, random_id());
  const auto translated = [this, name = place.key](Error error) {
    return translate(name, std::move(error)).error();
  };
  return FileUpload::begin(files_, std::move(place), translated, call.stop);
}

Result<void> FileStore::remove(std::string_view key, const StoreCall& call) {
  RESTORED_TRY(const std::string path, path_of(key, call.stop));
  const std::string directory = io::parent_directory(path);
  // Durable, because who removes several objects relies on their order.
  auto removed = files_.remove_file(path);
  if (removed) removed = files_.sync_directory(directory);
  if (removed) return {};
  auto error = translate(key, std::move(removed).error());
  if (error.error().code == ErrorCode::object_not_found) return {};  // not even its directory
  return error;
}

Result<void> FileStore::settle(std::span<const std::string> keys, const StoreCall& call) {
  std::map<std::string, std::string_view> directories;  // and a key in each
  for (const std::string& key : keys) {
    RESTORED_TRY(const std::string path, path_of(key, call.stop));
    directories.emplace(io::parent_directory(path), key);
  }
  for (const auto& [directory, key] : directories) {
    if (call.stop.stop_requested())
      return fail(ErrorCode::cancelled, "stopped before " + std::string(key));
    auto settled = settle_directory(directory);
    if (settled) continue;
    auto error = translate(key, std::move(settled).error());
    if (error.error().code != ErrorCode::object_not_found) return error;  // no directory, no object
  }
  return {};
}

Result<void> FileStore::settle_directory(const std::string& directory) {
  RESTORED_TRY(files_.stat(directory));  // one that is missing is not to be made
  RESTORED_TRY(files_.make_directories(directory));
  return files_.sync_directory(directory);
}

Result<void> FileStore::list(std::string_view prefix,
                             const std::function<bool(const ObjectInfo&)>& visit,
                             const StoreCall& call) {
  RESTORED_TRY(check_prefix(prefix));
  const std::size_t slash = prefix.rfind('/');
  const std::string directory_key(
      prefix.substr(0, slash == std::string_view::npos ? 0 : slash + 1));
  RESTORED_TRY(walk(directory_key, prefix, visit, call.stop));
  return {};
}

// directory_key is empty or ends with '/'.
Result<bool> FileStore::walk(const std::string& directory_key, std::string_view prefix,
                             const std::function<bool(const ObjectInfo&)>& visit,
                             const std::stop_token& stop) {
  if (stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped listing " + url());
  auto entries = files_.list(root_ + '/' + directory_key);
  if (!entries) {
    auto error = translate(directory_key, std::move(entries).error());
    if (error.error().code == ErrorCode::object_not_found) return true;  // removed meanwhile
    return error;
  }
  // A directory's keys go on with '/', which is not where its name alone would sort.
  for (io::Entry& entry : *entries)
    if (entry.directory) entry.name += '/';
  std::ranges::sort(*entries, {}, &io::Entry::name);
  for (const io::Entry& entry : *entries) {
    const std::string key = directory_key + entry.name;
    const std::string_view segment(entry.name.data(), entry.name.size() - entry.directory);
    const std::string_view common = std::string_view(key).substr(0, prefix.size());
    // Names that are no keys are not ours: .tmp, or what somebody put there.
    if (!valid_segment(segment) || !prefix.starts_with(common)) continue;
    if (entry.directory) {
      if (!check_prefix(key)) continue;  // too deep to hold an object
      RESTORED_TRY(const bool more, walk(key, prefix, visit, stop));
      if (!more) return false;
    } else if (key.size() >= prefix.size()) {
      if (!visit({key, entry.size_bytes, entry.modified_unix_millis})) return false;
    }
  }
  return true;
}

}  // namespace restored::store
