// Where a repository is to be checked: from the URL and the agent's own configuration file; and
// what can be said of the place before it is opened.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "restored/encryption_options.h"
#include "restored/error.h"
#include "restored/object_store.h"
#include "restored/store_options.h"
#include "store/repository_check.h"

namespace restored::ctl {

struct Place {
  std::string url;
  StoreOptions store;
  EncryptionOptions encryption;
};

// `url` empty: the configuration's. `config` empty: the default file, if there is one.
// Errors: those of the configuration, invalid_argument (no URL anywhere).
Result<Place> place_of(const std::string& url, const std::string& config);

// For s3:// everything up to the first signed request; for file:// whether the directory is there
// and this user the right one to use it. Ends with the first failure.
std::vector<store::Finding> look_before_opening(
    const Place& place, std::stop_token stop,
    const std::function<void(const store::Finding&)>& tell);

// Patience is a person's, not an agent's: a store that does not answer fails within half a minute.
Result<std::unique_ptr<ObjectStore>> open_place(const Place& place);

}  // namespace restored::ctl
