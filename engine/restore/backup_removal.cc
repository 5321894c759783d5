#include "restore/backup_removal.h"

#include <utility>

namespace restored::restore {

Result<void> remove_backup(EngineParts& parts, Collector& collector, const BackupId& id,
                           const StoreCall& call, const std::function<Result<void>()>& begin) {
  RESTORED_TRY(const BackupUse use, parts.uses.remove(id));
  RESTORED_TRY(parts.operations->record_backup_end(id));
  RESTORED_TRY(backup::Repository * repository, parts.repository->get(call));
  RESTORED_TRY(begin());
  RESTORED_TRY(backup::Leftovers leftovers, repository->remove(id, call));
  collector.request(std::move(leftovers));
  return {};
}

}  // namespace restored::restore
