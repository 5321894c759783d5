// The places where an access key may be written down: configuration, environment, files. The
// instance's metadata, which a network stands before, is instance_metadata.h. Private to this
// folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "restored/error.h"
#include "restored/store_options.h"
#include "store/credentials.h"
#include "store/environment.h"
#include "store/shared_config.h"

namespace restored::store {

struct WrittenCredentials {
  std::optional<Credentials> credentials;
  std::vector<std::string>
      looked_at;                     // what was where, for a message: "AWS_ACCESS_KEY_ID is unset"
  std::vector<WatchedFile> watched;  // whose change may change the answer
  std::vector<std::string> exposed;  // secrets that others than the file's owner may read
};

// In the order that CredentialsSource tells. Errors: see CredentialsSource::open().
Result<WrittenCredentials> look_around(const S3Options& options, const Environment& environment);

// The texts become header values and part of what is signed.
// Errors: store_misconfigured (something that cannot be a key).
Result<void> check_credentials(const Credentials& credentials);

}  // namespace restored::store
