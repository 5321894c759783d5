// The files that AWS's own tools share: credentials (~/.aws/credentials) and configuration
// (~/.aws/config), with profiles. Read for one profile. Private to this folder.
// https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret_text.h"
#include "io/secret_file.h"
#include "restored/error.h"
#include "restored/store_options.h"
#include "store/environment.h"

namespace restored::store {

// One file. Its sections are "[name]", of a configuration "[profile name]" and "[default]".
class ProfileFile {
 public:
  enum class Kind { credentials, config };

  ProfileFile() = default;
  ProfileFile(Kind kind, SecretText text) : kind_(kind), text_(std::move(text)) {}

  bool has_profile(std::string_view profile) const;
  // Points into the file's text: as secret as that. What is set twice has its last value; empty
  // ones and the lines nested below a key are left out.
  std::optional<std::string_view> value(std::string_view profile, std::string_view key) const;

 private:
  template <class Visit>
  void visit(std::string_view profile, Visit&& visit) const;

  Kind kind_ = Kind::credentials;
  SecretText text_;
};

// A file as it was when it was read, so that a change can be seen. Nothing: it was not there.
struct WatchedFile {
  std::string path;
  std::optional<io::FileVersion> version;
  bool changed() const;
};

struct SharedConfig {
  std::string profile;
  bool profile_chosen = false;   // by the options or AWS_PROFILE, so it must exist
  std::string credentials_path;  // empty: there is no home directory to look into
  std::string config_path;
  ProfileFile credentials;
  ProfileFile config;
  std::vector<WatchedFile> files;
  std::vector<std::string> exposed;  // files with keys that others than their owner may read

  bool has_profile() const;
  // The credentials file's comes first, as in AWS's tools.
  std::optional<std::string_view> value(std::string_view key) const;
  // "profile x of /home/a/.aws/credentials"
  std::string origin() const;
};

// A file that is missing is an empty one, unless the options name it; so is one in the home
// directory that we may not read.
// Errors: of reading a file: permission_denied, file_not_found, io_error, corruption (too large).
Result<SharedConfig> read_shared_config(const S3Options& options, const Environment& environment);

}  // namespace restored::store
