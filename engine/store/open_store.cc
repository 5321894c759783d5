#include "store/open_store.h"

#include <fmt/core.h>

#include <string>

#include "store/file_store.h"
#include "store/percent_encoding.h"
#include "store/s3_store.h"

namespace restored::store {
namespace {

constexpr std::string_view file_scheme = "file://";
constexpr std::string_view s3_scheme = "s3://";

// Errors: invalid_configuration.
Result<std::string> decoded_path(std::string_view text) {
  auto decoded = percent_decoded(text, PlusIs::itself);
  const bool has_zero = decoded && decoded->find('\0') != std::string::npos;
  if (decoded && !has_zero) return *std::move(decoded);
  return fail(
      ErrorCode::invalid_configuration,
      fmt::format("\"{}\" is not a percent-encoded byte", has_zero ? "%00" : decoded.error()),
      "Write % as %25 in the repository's URL.");
}

}  // namespace

Result<std::string> directory_of(std::string_view url) {
  constexpr std::string_view hint =
      "Give the repository as file:///absolute/directory or s3://bucket/prefix.";
  if (!url.starts_with(file_scheme))
    return fail(ErrorCode::invalid_configuration,
                fmt::format("repository \"{}\" has no known scheme", url), std::string(hint));
  const std::string_view encoded = url.substr(file_scheme.size());
  if (!encoded.starts_with('/'))
    return fail(ErrorCode::invalid_configuration,
                fmt::format("repository \"{}\" does not name an absolute directory", url),
                std::string(hint));
  RESTORED_TRY(std::string root, decoded_path(encoded));
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  return root;
}

Result<std::unique_ptr<ObjectStore>> open_store(std::string_view url, io::FileSystem& files,
                                                io::IoQueue* queue, const StoreOptions& options,
                                                Use use) {
  if (url.starts_with(s3_scheme)) return S3Store::open(url, options, process_environment());
  RESTORED_TRY(std::string root, directory_of(url));
  if (use == Use::reading) return FileStore::open_for_reading(std::move(root), files, queue);
  return FileStore::open(std::move(root), files, queue);
}

}  // namespace restored::store
