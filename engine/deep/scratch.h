// The directory that a backup is decoded into: in clear, so nobody else may look into it, and it
// goes with its owner, or, when that is killed, with the next one beside it.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "io/file_system.h"
#include "restored/error.h"

namespace restored::deep {

// Threading: none needed; it is made, named and removed by its owner.
class Scratch {
 public:
  // A new one below `directory`, from which those that nobody holds any more are removed before.
  // Errors: those of the file system.
  static Result<std::unique_ptr<Scratch>> make(const std::string& directory);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  const std::string& path() const { return path_; }

 private:
  Scratch(std::string path, std::unique_ptr<io::FileLock> held)
      : path_(std::move(path)), held_(std::move(held)) {}

  const std::string path_;
  const std::unique_ptr<io::FileLock> held_;
};

}  // namespace restored::deep
