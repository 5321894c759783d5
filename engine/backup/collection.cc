#include "backup/collection.h"

#include <fmt/core.h>

#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "restored/limits.h"

namespace restored::backup {
namespace {

// One run of collect(); its steps, in order.
class Run {
 public:
  Run(const Repository& repository, const Leftovers& leftovers, std::stop_token stop)
      : repository_(repository),
        leftovers_(leftovers),
        stop_(std::move(stop)),
        orphaned_before_(system_clock().wall() -
                         static_cast<UnixMillis>(limits::orphan_seconds) * 1000) {}

  Result<void> find_backups();
  Result<void> remove_documents();
  Result<void> find_named_objects();
  Result<void> remove_objects();

 private:
  using Orphaned = std::function<bool(const ObjectInfo&)>;
  Result<void> remove_all(std::string_view prefix, const Orphaned& orphaned);
  bool old(const ObjectInfo& info) const { return info.modified_unix_millis < orphaned_before_; }
  bool orphaned_document(const ObjectInfo& info, const BackupId& backup) const {
    return !backups_.contains(backup) && (backup == leftovers_.backup || old(info));
  }

  const Repository& repository_;
  const Leftovers& leftovers_;
  const std::stop_token stop_;
  const UnixMillis orphaned_before_;

  std::set<BackupId> backups_;                        // that have a manifest
  std::optional<std::set<format::ContentId>> named_;  // by manifests; nothing: not known
};

// The segments of "backups/<id>/manifest"; the last one is the rest.
std::vector<std::string_view> segments(std::string_view key) {
  std::vector<std::string_view> found;
  for (std::size_t slash; found.size() < 2 && (slash = key.find('/')) != std::string_view::npos;) {
    found.push_back(key.substr(0, slash));
    key.remove_prefix(slash + 1);
  }
  found.push_back(key);
  return found;
}

BackupId backup_at(const ObjectInfo& info, std::size_t segment) {
  const auto parts = segments(info.key);
  return parts.size() == 3 ? BackupId(std::string(parts[segment])) : BackupId();
}

Result<void> Run::find_backups() {
  const auto visit = [this](const ObjectInfo& info) {
    const BackupId backup = backup_at(info, 1);
    if (format::valid_id(backup.value) && info.key == format::manifest_key(backup))
      backups_.insert(backup);
    return true;
  };
  return repository_.store().list("backups/", visit, stop_);
}

Result<void> Run::remove_documents() {
  RESTORED_TRY(remove_all("databases/", [this](const ObjectInfo& info) {
    return orphaned_document(info, backup_at(info, 2));
  }));
  return remove_all("backups/", [this](const ObjectInfo& info) {
    const BackupId backup = backup_at(info, 1);
    return format::valid_id(backup.value) && info.key == format::frames_key(backup) &&
           orphaned_document(info, backup);
  });
}

Result<void> Run::find_named_objects() {
  named_.emplace();
  for (const BackupId& backup : backups_) {
    const auto manifest = repository_.manifest(backup, stop_);
    if (manifest) {
      for (const format::ManifestFile& file : manifest->files) named_->insert(file.content);
    } else if (manifest.error().code == ErrorCode::backup_not_usable) {
      log::warning("backup", "no object is removed while it is unknown which ones {} needs: {}",
                   backup.value, manifest.error().message);
      named_.reset();
      return {};
    } else if (manifest.error().code != ErrorCode::backup_not_found) {  // removed meanwhile
      return std::unexpected(manifest.error());
    }
  }
  return {};
}

Result<void> Run::remove_objects() {
  if (!named_) return {};
  return remove_all("objects/", [this](const ObjectInfo& info) {
    const auto content = format::content_id_from_hex(segments(info.key).back());
    if (!content || info.key != format::object_key(*content)) return false;  // not one of ours
    return !named_->contains(*content) && (leftovers_.contents.contains(*content) || old(info));
  });
}

// Listed first and removed then: a store need not like to be changed while it is listed.
Result<void> Run::remove_all(std::string_view prefix, const Orphaned& orphaned) {
  std::vector<std::string> keys;
  const auto visit = [&](const ObjectInfo& info) {
    if (orphaned(info)) keys.push_back(info.key);
    return true;
  };
  RESTORED_TRY(repository_.store().list(prefix, visit, stop_));
  for (const std::string& key : keys) {
    const auto removed = repository_.store().remove(key, stop_);
    if (removed) continue;
    if (removed.error().code == ErrorCode::cancelled) return removed;
    log::warning("backup", "{} stays until the next collection: {}", key, removed.error().message);
  }
  return {};
}

}  // namespace

Result<void> collect(const Repository& repository, const Leftovers& leftovers,
                     std::stop_token stop) {
  Run run(repository, leftovers, std::move(stop));
  RESTORED_TRY(run.find_backups());
  RESTORED_TRY(run.remove_documents());
  RESTORED_TRY(run.find_named_objects());
  return run.remove_objects();
}

}  // namespace restored::backup
