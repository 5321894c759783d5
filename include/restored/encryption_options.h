// How backups are encrypted.
#pragma once

#include <string>
#include <vector>

namespace restored {

// A key is named by the absolute path of a file, or as "credential:NAME", which is that file in
// $CREDENTIALS_DIRECTORY (systemd's LoadCredential=).
struct EncryptionOptions {
  std::string key_file;                         // empty: backups are not encrypted
  std::vector<std::string> previous_key_files;  // read with, and nothing else
  bool accept_unencrypted = false;              // what was written before there was a key
};

}  // namespace restored
