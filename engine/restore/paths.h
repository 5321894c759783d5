// Where things stand in the state directory. One owner per on-disk name.
#pragma once

#include <string>

#include "restored/ids.h"

namespace restored::restore {

struct Paths {
  std::string state;

  std::string lock() const { return state + "/lock"; }
  // Which repository this state was last used with.
  std::string repository() const { return state + "/repository"; }
  std::string registry() const { return state + "/registry"; }
  std::string databases() const { return state + "/databases"; }
  std::string database(const DatabaseId& id) const { return databases() + "/" + id.value; }
  // An instance that could not be opened, kept beside the new one until its content is replaced.
  std::string broken(const DatabaseId& id) const { return database(id) + ".broken"; }
  // Inside the instance's directory, so that links from one to the other never cross a file
  // system. RocksDB leaves directories in its own alone.
  std::string staging(const DatabaseId& id) const { return database(id) + "/staging"; }
  std::string staging(const DatabaseId& id, const OperationId& operation) const {
    return staging(id) + "/" + operation.value;
  }
  // Says how an operation ended when the registry could not be told.
  std::string ended_mark(const DatabaseId& id, const OperationId& operation) const {
    return staging(id, operation) + ".ended";
  }
};

}  // namespace restored::restore
