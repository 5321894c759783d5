#include "store/open_store.h"

#include <fmt/core.h>

#include <string>

#include "base/hex.h"
#include "store/file_store.h"
#include "store/s3_store.h"

namespace restored::store {
namespace {

constexpr std::string_view file_scheme = "file://";
constexpr std::string_view s3_scheme = "s3://";

// %20 and the like. Errors: invalid_configuration.
Result<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    if (text.front() != '%') {
      decoded += text.front();
      text.remove_prefix(1);
      continue;
    }
    const auto byte = text.size() < 3 ? std::nullopt : from_hex(text.substr(1, 2));
    if (!byte || byte->front() == '\0')
      return fail(ErrorCode::invalid_configuration,
                  fmt::format("\"{}\" is not a percent-encoded byte", text.substr(0, 3)),
                  "Write % as %25 in the repository's URL.");
    decoded += *byte;
    text.remove_prefix(3);
  }
  return decoded;
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
  RESTORED_TRY(std::string root, percent_decoded(encoded));
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  return root;
}

Result<std::unique_ptr<ObjectStore>> open_store(std::string_view url, io::FileSystem& files,
                                                io::IoQueue* queue, const StoreOptions& options) {
  if (url.starts_with(s3_scheme)) return S3Store::open(url, options, process_environment());
  RESTORED_TRY(std::string root, directory_of(url));
  return FileStore::open(std::move(root), files, queue);
}

}  // namespace restored::store
