#include "backup/collection.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backup/collection_lease.h"
#include "backup/content_set.h"
#include "backup/delayed_stop.h"
#include "backup/documents.h"
#include "backup/parallel.h"
#include "base/log.h"
#include "base/random.h"

namespace restored::backup {
namespace {

// What is on its way when a collection is stopped has this long to come to its end, and its mark a
// little longer to go.
constexpr std::chrono::milliseconds removal_time(300);
constexpr std::chrono::milliseconds release_time(600);

// One run of collect(); its steps, in order.
class Run {
 public:
  Run(const Repository& repository, const CollectionRequest& request, const StoreCall& call)
      : repository_(repository),
        store_(repository.store()),
        request_(request),
        call_(call),
        removals_end_(call.stop, removal_time),
        release_ends_(call.stop, release_time) {}

  Result<void> begin();
  Result<void> work();
  void end();
  CollectionReport report() const;

 private:
  struct Candidate {
    std::string key;
    std::uint64_t bytes = 0;
    bool object = false;
  };
  static Candidate document(const ObjectInfo& info) { return {info.key, info.size_bytes, false}; }
  struct Documents {
    bool manifest = false;
    std::optional<ObjectInfo> contents;
    std::optional<ObjectInfo> frames;
  };

  Result<void> find_backups();
  Result<void> remove_stray_documents();
  Result<bool> still_listed(const BackupId& backup, const StoreCall& call);
  Result<void> read_contents();
  Result<void> find_objects();
  Result<void> forget_damage();
  void remove_stale_uploads();

  bool named_known() const { return report_.backups_unreadable == 0; }
  Result<void> remove_all(const std::vector<Candidate>& candidates);
  Result<void> remove_one(const Candidate& candidate);
  bool ends_the_run(const Error& error);
  Result<UnixMillis> store_time();
  bool old(const ObjectInfo& info) const { return info.modified_unix_millis < orphaned_before_; }
  bool exists(const BackupId& backup) const {
    const auto found = backups_.find(backup);
    return found != backups_.end() && found->second.manifest;
  }
  bool stray(const ObjectInfo& info, const BackupId& backup) const {
    return format::valid_id(backup.value) && !exists(backup) &&
           (request_.leftovers.backups.contains(backup) || old(info));
  }

  const Repository& repository_;
  ObjectStore& store_;
  const CollectionRequest& request_;
  const StoreCall& call_;
  DelayedStop removals_end_;
  const DelayedStop release_ends_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();

  std::unique_ptr<CollectionLease> lease_;  // null in a dry run
  UnixMillis orphaned_before_ = 0;
  std::map<BackupId, Documents> backups_;
  ContentSet named_;
  std::atomic<bool> in_doubt_{false};  // a removal may still come to pass in the store
  CollectionReport report_;
  std::atomic<std::uint64_t> objects_removed_{0};
  std::atomic<std::uint64_t> bytes_removed_{0};
  std::atomic<std::uint64_t> documents_removed_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<unsigned> unavailable_{0};  // removals in a row that the store did not answer
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

// After so many removals in a row that failed so, the store is away; before that it may be one
// object that cannot be removed, which must not keep all others.
constexpr unsigned unavailable_max = 2 * limits::repository_calls_max;

Result<void> Run::begin() {
  UnixMillis now = 0;
  if (request_.dry_run) {
    RESTORED_TRY(now, store_time());
  } else {
    RESTORED_TRY(lease_, CollectionLease::take(store_, request_.host, request_.times, call_));
    now = lease_->store_time();
  }
  orphaned_before_ = now - request_.times.grace.count();
  return {};
}

// Asked of the store, because a dry run has no mark whose time could be looked at.
Result<UnixMillis> Run::store_time() {
  const std::string key = std::string(format::probes_prefix) + random_id();
  RESTORED_TRY(store_.put(key, bytes_of("what time is it?\n"), call_));
  const auto info = store_.stat(key, call_);
  StoreCall tidy = call_;
  tidy.stop = release_ends_.token();
  const auto removed = store_.remove(key, tidy);
  if (!info) return std::unexpected(info.error());
  RESTORED_TRY(removed);
  return info->modified_unix_millis;
}

Result<void> Run::work() {
  RESTORED_TRY(find_backups());
  RESTORED_TRY(remove_stray_documents());
  RESTORED_TRY(read_contents());
  RESTORED_TRY(find_objects());
  RESTORED_TRY(forget_damage());
  remove_stale_uploads();
  return {};
}

Result<void> Run::find_backups() {
  const auto visit = [this](const ObjectInfo& info) {
    const BackupId backup = backup_at(info, 1);
    if (!format::valid_id(backup.value)) return true;
    if (info.key == format::manifest_key(backup)) backups_[backup].manifest = true;
    if (info.key == format::contents_key(backup)) backups_[backup].contents = info;
    if (info.key == format::frames_key(backup)) backups_[backup].frames = info;
    return true;
  };
  return store_.list("backups/", visit, call_);
}

// What backups that never came to an end have left. Their contents go first, and only then is
// what they name unreferenced: a backup that finds its contents has all its objects.
Result<void> Run::remove_stray_documents() {
  std::vector<Candidate> contents;
  std::vector<Candidate> others;
  std::vector<BackupId> unfinished;
  for (const auto& [backup, documents] : backups_) {
    if (documents.contents && stray(*documents.contents, backup)) {
      contents.push_back(document(*documents.contents));
      unfinished.push_back(backup);
    }
    if (documents.frames && stray(*documents.frames, backup))
      others.push_back(document(*documents.frames));
  }
  const auto summaries = [&](const ObjectInfo& info) {
    if (stray(info, backup_at(info, 2))) others.push_back(document(info));
    return true;
  };
  RESTORED_TRY(store_.list("databases/", summaries, call_));
  const auto probes = [&](const ObjectInfo& info) {
    if (old(info)) others.push_back(document(info));
    return true;
  };
  RESTORED_TRY(store_.list(format::probes_prefix, probes, call_));
  const std::uint64_t failed_before = failed_;
  RESTORED_TRY(remove_all(contents));
  if (failed_ == failed_before)
    for (const BackupId& backup : unfinished) backups_.erase(backup);
  return remove_all(others);
}

// "Not there" may be the word of something between us and the store: to believe it could cost a
// backup all its objects. So the store is asked in another way.
Result<bool> Run::still_listed(const BackupId& backup, const StoreCall& call) {
  bool listed = false;
  const auto visit = [&](const ObjectInfo& info) {
    listed = info.key == format::manifest_key(backup) || info.key == format::contents_key(backup);
    return !listed;
  };
  RESTORED_TRY(store_.list("backups/" + backup.value + "/", visit, call));
  return listed;
}

Result<void> Run::read_contents() {
  std::vector<BackupId> ids;
  for (const auto& [backup, documents] : backups_)
    if (documents.manifest || documents.contents) ids.push_back(backup);
  std::atomic<std::uint64_t> unreadable{0};
  const auto read = [&](std::size_t index, const StoreCall& call) -> Result<void> {
    const auto contents = repository_.contents(ids[index], call);
    if (contents) {
      named_.insert(contents->objects);
      return {};
    }
    const Error& error = contents.error();
    if (error.code == ErrorCode::backup_not_found) {
      RESTORED_TRY(const bool listed, still_listed(ids[index], call));
      if (!listed) return {};  // removed, or withdrawn, meanwhile
    } else if (error.code != ErrorCode::backup_not_usable && !about_keys(error.code)) {
      return std::unexpected(error);
    }
    log::warning("backup", "no object is removed while it is unknown which ones {} needs: {}",
                 ids[index].value, error.message);
    ++unreadable;
    return {};
  };
  RESTORED_TRY(for_each_index(store_, ids.size(), call_, read));
  named_.sort();
  report_.backups = ids.size();
  report_.backups_unreadable = unreadable;
  return {};
}

Result<void> Run::find_objects() {
  std::vector<Candidate> candidates;
  const auto visit = [&](const ObjectInfo& info) {
    const auto content = format::content_id_from_hex(segments(info.key).back());
    if (!content || info.key != format::object_key(*content)) return true;  // not one of ours
    ++report_.objects;
    report_.objects_bytes += info.size_bytes;
    if (!named_known() || named_.contains(*content)) return true;
    ++report_.objects_unreferenced;
    if (old(info) || request_.leftovers.contents.contains(*content))
      candidates.push_back({info.key, info.size_bytes, true});
    else
      ++report_.objects_young;
    return true;
  };
  RESTORED_TRY(store_.list("objects/", visit, call_));
  return remove_all(candidates);
}

// Of objects that are gone, and that nobody will ask for.
Result<void> Run::forget_damage() {
  if (!named_known()) return {};
  RESTORED_TRY(const std::set<format::ContentId> damaged, repository_.damaged(call_));
  std::vector<Candidate> candidates;
  for (const format::ContentId& content : damaged) {
    if (named_.contains(content)) continue;
    RESTORED_TRY(const bool there, object_exists(store_, format::object_key(content), call_));
    if (!there) candidates.push_back({format::damage_key(content), 0, false});
  }
  return remove_all(candidates);
}

void Run::remove_stale_uploads() {
  if (request_.dry_run) return;
  const auto removed = store_.remove_stale_uploads(limits::upload_stale_seconds, call_);
  if (removed)
    report_.uploads_removed = *removed;
  else
    log::warning("backup", "stale uploads stay: {}", removed.error().message);
}

// Listed first and removed then: a store need not like to be changed while it is listed.
Result<void> Run::remove_all(const std::vector<Candidate>& candidates) {
  std::optional<std::stop_callback<std::function<void()>>> on_lapse;
  if (lease_) on_lapse.emplace(lease_->stop_token(), [this] { removals_end_.stop_now(); });
  const auto remove = [&](std::size_t index, const StoreCall&) {
    return remove_one(candidates[index]);
  };
  const auto done = for_each_index(store_, candidates.size(), call_, remove);
  if (lease_ && lease_->lapsed())
    return fail(ErrorCode::timed_out, "the collection's mark could not be renewed in time");
  return done;
}

bool Run::ends_the_run(const Error& error) {
  if (error.code == ErrorCode::object_store_unavailable) return ++unavailable_ >= unavailable_max;
  return CollectionLease::refused(error) || error.code == ErrorCode::cancelled;
}

Result<void> Run::remove_one(const Candidate& candidate) {
  if (lease_) {
    if (lease_->lapsed()) return fail(ErrorCode::timed_out, "the mark is too old");
    StoreCall own = call_;
    own.stop = removals_end_.token();
    own.only_once = true;
    if (const auto removed = store_.remove(candidate.key, own); !removed) {
      if (!CollectionLease::refused(removed.error())) in_doubt_ = true;
      if (ends_the_run(removed.error())) return removed;
      // One line, not one an object.
      if (failed_++ == 0)
        log::warning("backup", "{} stays until the next collection: {}", candidate.key,
                     removed.error().message);
      return {};
    }
    unavailable_ = 0;
  }
  ++(candidate.object ? objects_removed_ : documents_removed_);
  if (candidate.object) bytes_removed_ += candidate.bytes;
  return {};
}

void Run::end() {
  if (!lease_) return;
  if (in_doubt_) {
    // A backup that saw no mark would look at its objects before they are gone.
    log::warning("backup", "a removal may still come to pass: the mark stays until it is stale");
    return;
  }
  if (lease_->lapsed()) return;  // the store is away or slow: the mark gets stale of itself
  StoreCall own = call_;
  own.stop = release_ends_.token();
  own.patience = request_.times.renew;  // it goes stale of itself
  if (const auto released = lease_->release(own); !released)
    log::warning("backup", "the mark stays until it is stale: {}", released.error().message);
}

CollectionReport Run::report() const {
  CollectionReport report = report_;
  report.dry_run = request_.dry_run;
  report.objects_removed = objects_removed_;
  report.bytes_removed = bytes_removed_;
  report.documents_removed = documents_removed_;
  report.failed = failed_;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  return report;
}

}  // namespace

Result<CollectionReport> collect(const Repository& repository, const CollectionRequest& request,
                                 const StoreCall& call) {
  Run run(repository, request, call);
  RESTORED_TRY(run.begin());
  const Result<void> worked = run.work();
  run.end();
  RESTORED_TRY(worked);
  return run.report();
}

}  // namespace restored::backup
