#include "store/file_upload.h"

#include <utility>

#include "base/check.h"

namespace restored::store {

Result<std::unique_ptr<FileUpload>> FileUpload::begin(io::FileSystem& files, Place place,
                                                      Translate translate, std::stop_token stop) {
  auto file = files.open(place.temporary_path, io::Access::create, io::Caching::buffered);
  if (!file) return std::unexpected(translate(std::move(file).error()));
  return std::unique_ptr<FileUpload>(new FileUpload(files, std::move(place), std::move(translate),
                                                    std::move(stop), std::move(*file)));
}

FileUpload::FileUpload(io::FileSystem& files, Place place, Translate translate,
                       std::stop_token stop, std::unique_ptr<io::File> file)
    : files_(files),
      place_(std::move(place)),
      translate_(std::move(translate)),
      stop_(std::move(stop)),
      file_(std::move(file)) {}

FileUpload::~FileUpload() {
  abandon();
}

void FileUpload::abandon() noexcept {
  file_.reset();
  // What cannot be removed now is removed as stale by a later open.
  if (!ended_) static_cast<void>(files_.remove_file(place_.temporary_path));
  ended_ = true;
}

Result<void> FileUpload::append(std::span<const std::byte> bytes) {
  RESTORED_CHECK(file_ != nullptr, "nothing is appended after commit");
  if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "stopped writing " + place_.key);
  if (auto written = file_->write_at(written_bytes_, bytes); !written)
    return std::unexpected(translate_(std::move(written).error()));
  written_bytes_ += bytes.size();
  return {};
}

Result<void> FileUpload::commit(std::span<const std::byte> last) {
  RESTORED_TRY(append(last));
  if (auto published = publish(); !published)
    return std::unexpected(translate_(std::move(published).error()));
  return {};
}

Result<void> FileUpload::publish() {
  RESTORED_TRY(file_->sync());
  file_->drop_cache();  // a backup must not push the clients' data out of the cache
  RESTORED_TRY(std::exchange(file_, nullptr)->close());
  const std::string directory = io::parent_directory(place_.target_path);
  RESTORED_TRY(files_.make_directories(directory));
  RESTORED_TRY(move_into_place());
  ended_ = true;
  return files_.sync_directory(directory);
}

// A link never replaces; a file system without links renames, which can.
Result<void> FileUpload::move_into_place() {
  if (place_.if_exists == IfExists::replace)
    return files_.rename(place_.temporary_path, place_.target_path);
  const auto linked = files_.link(place_.temporary_path, place_.target_path);
  if (linked) return files_.remove_file(place_.temporary_path);
  if (linked.error().code == ErrorCode::file_exists)
    return fail(ErrorCode::object_exists, place_.target_path + " exists already");
  return files_.rename(place_.temporary_path, place_.target_path);
}

}  // namespace restored::store
