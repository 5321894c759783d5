// Objects as files below a directory: the key is the path. Writes are durable and atomic: a
// temporary file in <root>/.tmp is synced, renamed into place, and the directory is synced.
// <root>/.tmp also tells a repository without the object from a repository that is not there (an
// unmounted disk): it exists as long as the repository does.
// Large reads into aligned memory at aligned offsets bypass the page cache: on two cores a cold
// read costs 0.05 CPU seconds a GB that way and 0.6 to 3 through the cache, time that the decoders
// need.
// Threading: see ObjectStore.
#pragma once

#include <memory>
#include <string>

#include "io/file_system.h"
#include "io/io_queue.h"
#include "restored/error.h"
#include "restored/object_store.h"

namespace restored::store {

class FileStore final : public ObjectStore {
 public:
  // Makes the directory and removes what killed uploads left more than a day ago.
  // REQUIRES: root is absolute. Errors: store_permission_denied, no_space, io_error.
  static Result<std::unique_ptr<FileStore>> open(std::string root, io::FileSystem& files,
                                                 io::IoQueue* queue);
  // Makes and removes nothing. REQUIRES: root is absolute; no method that writes is called.
  static std::unique_ptr<FileStore> open_for_reading(std::string root, io::FileSystem& files,
                                                     io::IoQueue* queue);

  std::string url() const override { return "file://" + root_; }
  Result<ObjectInfo> stat(std::string_view key, const StoreCall& call) override;
  Result<void> read(std::string_view key, std::uint64_t offset, std::span<std::byte> into,
                    const StoreCall& call) override;
  Result<std::string> get(std::string_view key, std::uint64_t bytes_max,
                          const StoreCall& call) override;
  Result<void> put(std::string_view key, std::span<const std::byte> bytes,
                   const StoreCall& call) override;
  Result<std::unique_ptr<ObjectUpload>> upload(std::string_view key, const StoreCall& call,
                                               IfExists if_exists) override;
  Result<void> remove(std::string_view key, const StoreCall& call) override;
  // A sync of each directory: the objects in them were synced before they got their names.
  Result<void> settle(std::span<const std::string> keys, const StoreCall& call) override;
  Result<std::uint64_t> remove_stale_uploads(std::uint64_t age_seconds,
                                             const StoreCall& call) override;
  Result<void> list(std::string_view prefix, const std::function<bool(const ObjectInfo&)>& visit,
                    const StoreCall& call) override;

 private:
  FileStore(std::string root, io::FileSystem& files, io::IoQueue* queue)
      : root_(std::move(root)), files_(files), queue_(queue) {}

  Result<std::string> path_of(std::string_view key, const std::stop_token& stop) const;
  // The store's error for the file system's, when `key` was being looked at.
  std::unexpected<Error> translate(std::string_view key, Error error) const;
  Result<void> read_direct(const std::string& path, std::uint64_t offset,
                           std::span<std::byte> into);
  Result<void> settle_directory(const std::string& directory);
  // False: visit wanted no more.
  Result<bool> walk(const std::string& directory_key, std::string_view prefix,
                    const std::function<bool(const ObjectInfo&)>& visit,
                    const std::stop_token& stop);

  const std::string root_;
  io::FileSystem& files_;
  io::IoQueue* const queue_;
};

}  // namespace restored::store
