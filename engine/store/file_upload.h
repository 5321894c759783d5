// One object on its way into a directory: see FileStore for how it becomes durable and visible.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "io/file_system.h"
#include "restored/object_store.h"

namespace restored::store {

class FileUpload final : public ObjectUpload {
 public:
  struct Place {
    std::string key;             // for messages
    std::string temporary_path;  // must not exist; on the target's file system
    std::string target_path;
    IfExists if_exists = IfExists::keep;
  };
  // Translates the file system's errors into the store's.
  using Translate = std::function<Error(Error)>;

  static Result<std::unique_ptr<FileUpload>> begin(io::FileSystem& files, Place place,
                                                   Translate translate, std::stop_token stop);
  ~FileUpload() override;
  FileUpload(const FileUpload&) = delete;
  FileUpload& operator=(const FileUpload&) = delete;

  Result<void> append(std::span<const std::byte> bytes) override;
  Result<void> commit(std::span<const std::byte> last) override;
  void abandon() noexcept override;

 private:
  FileUpload(io::FileSystem& files, Place place, Translate translate, std::stop_token stop,
             std::unique_ptr<io::File> file);
  Result<void> publish();
  Result<void> move_into_place();

  io::FileSystem& files_;
  const Place place_;
  const Translate translate_;
  const std::stop_token stop_;
  std::unique_ptr<io::File> file_;  // null after commit
  std::uint64_t written_bytes_ = 0;
  bool ended_ = false;  // published or removed
};

}  // namespace restored::store
