#include "restore/broken_instance.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/log.h"

namespace restored::restore {
namespace {

bool has_status(const EngineParts& parts, const DatabaseId& id, DatabaseStatus status) {
  const std::optional<registry::DatabaseRecord> record = parts.registry->database(id);
  return record && record->status == status;
}

}  // namespace

Result<void> replace_broken_instance(EngineParts& parts, Claim& claim) {
  const DatabaseId& id = claim.id();
  const std::string directory = parts.paths.database(id);
  const std::string broken = parts.paths.broken(id);
  if (!has_status(parts, id, DatabaseStatus::failure)) {
    // Gone for good before the record makes it look like the old content.
    RESTORED_TRY(parts.files.remove_tree(broken));
    RESTORED_TRY(parts.files.sync_directory(parts.paths.databases()));
    RESTORED_TRY(parts.change_record(id, [&](registry::DatabaseRecord& record) {
      record.status = DatabaseStatus::failure;
      record.failure = parts.databases.broken(id);
    }));
  }
  if (parts.files.stat(broken)) {
    RESTORED_TRY(parts.files.remove_tree(directory));
  } else if (parts.files.stat(directory)) {
    RESTORED_TRY(parts.files.rename(directory, broken));
  }
  // Durable with the name of the new one, which lies in the same directory.
  RESTORED_TRY(auto fresh, catalog::Database::create(parts.database_options(id)));
  parts.databases.replace(claim, std::move(fresh));
  return {};
}

bool is_replaced(const EngineParts& parts, const DatabaseId& id) {
  return parts.databases.broken(id) && has_status(parts, id, DatabaseStatus::failure) &&
         parts.files.stat(parts.paths.broken(id));
}

Result<void> put_back_broken_instance(EngineParts& parts, Claim& claim) {
  const DatabaseId& id = claim.id();
  const std::string directory = parts.paths.database(id);
  if (std::unique_ptr<catalog::Database> fresh = parts.databases.withdraw(claim)) {
    if (const Result<void> closed = fresh->close(); !closed) {
      log::warning("restore", "closing the new instance of database={}: {}", id.value,
                   closed.error().message);
    }
  }
  RESTORED_TRY(parts.files.remove_tree(directory));
  RESTORED_TRY(parts.files.rename(parts.paths.broken(id), directory));
  RESTORED_TRY(parts.files.sync_directory(parts.paths.databases()));
  // That it cannot be opened is found out at each start; it need not be recorded.
  return parts.change_record(id, [](registry::DatabaseRecord& record) {
    record.status = DatabaseStatus::ready;
    record.failure.reset();
  });
}

void remove_leftovers(EngineParts& parts) {
  for (const DatabaseId& id : parts.databases.ids()) {
    const std::string broken = parts.paths.broken(id);
    if (!parts.files.stat(broken)) continue;
    // Nothing while it is broken itself, or while a restore may be replacing it.
    const std::optional<Claim> claim = parts.databases.try_claim(id);
    if (!claim || !has_status(parts, id, DatabaseStatus::ready)) continue;
    if (const Result<void> removed = parts.files.remove_tree(broken); !removed) {
      log::warning("restore", "database={} keeps the instance that was replaced: {}", id.value,
                   removed.error().message);
    }
  }
}

}  // namespace restored::restore
