#include "catalog/status.h"

#include <string>

#include "base/check.h"

namespace restored::catalog {
namespace {

ErrorCode code_of(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return ErrorCode::no_space;
  if (status.IsPathNotFound()) return ErrorCode::file_not_found;
  if (status.IsCorruption()) return ErrorCode::corruption;
  if (status.IsIOError()) return ErrorCode::io_error;
  if (status.IsShutdownInProgress()) return ErrorCode::shutting_down;
  return ErrorCode::storage_engine;
}

}  // namespace

Error error_from(const rocksdb::Status& status, std::string_view doing) {
  RESTORED_CHECK(!status.ok(), "only a failed status is an error");
  return context(doing, Error{code_of(status), status.ToString(), {}});
}

}  // namespace restored::catalog
