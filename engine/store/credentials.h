// Who we are to an S3 store: an access key, found in the usual places and kept fresh.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/secret_text.h"
#include "restored/error.h"
#include "restored/store_options.h"
#include "store/environment.h"

namespace restored::store {

struct Credentials {
  std::string access_key_id;  // not secret: servers and logs show it
  SecretText secret_access_key;
  SecretText session_token;  // empty: none
  std::optional<UnixMillis> expires_at;
  // For messages: "the environment", "profile x of /etc/restored/s3", "instance metadata".
  std::string origin;
};

// The places, in this order, the first that has a key wins:
//   1. access_key_id with secret_access_key_file of the configuration
//   2. the shared files, when the configuration names the file or the profile; then nothing else
//   3. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
//   4. the shared files (AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE, ~/.aws), profile AWS_PROFILE
//   5. the instance's metadata, version 2, unless the configuration or AWS_EC2_METADATA_DISABLED
//      says no
// A place with half a key, or with a way to get one that is not supported (role_arn, ...), is an
// error that names it, not a reason to look further.
//
// Files are read again when they change. A key that expires is replaced
// limits::credentials_refresh_seconds before: by one of the threads that ask for it, the others go
// on with the old one. When that fails, the old one serves until its end.
// Threading: all methods may be called from any thread at once.
class CredentialsSource {
 public:
  // Looks at the files and the environment, not yet at the network. `clock` outlives the source.
  // Errors: store_misconfigured (no key anywhere, half a key, an unsupported profile),
  // permission_denied, file_not_found, io_error (a file that the configuration names).
  static Result<std::unique_ptr<CredentialsSource>> open(const S3Options& options,
                                                         const Environment& environment,
                                                         const Clock& clock);
  ~CredentialsSource();
  CredentialsSource(const CredentialsSource&) = delete;
  CredentialsSource& operator=(const CredentialsSource&) = delete;

  // Shared, because a request may still use a key while another thread replaces it.
  // Errors: as open(); object_store_unavailable (the metadata service fails for now); cancelled.
  Result<std::shared_ptr<const Credentials>> get(std::stop_token stop);

  // The server took them for expired or invalid: the next get() looks again, unless they were
  // replaced since, or it has done so for the same reason a few seconds ago.
  void refused(const Credentials& credentials);

 private:
  struct State;
  explicit CredentialsSource(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace restored::store
