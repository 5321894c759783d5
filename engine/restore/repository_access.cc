#include "restore/repository_access.h"

#include <fmt/format.h>

#include <span>

#include "base/log.h"
#include "format/hash.h"
#include "format/manifest.h"
#include "restored/units.h"

namespace restored::restore {
namespace {

// Three lines: the repository's URL, its id, and a hash of these two.
struct KnownRepository {
  std::string url;
  std::string id;
  bool damaged = false;  // there was one, and which is not known any more
  bool hashed = true;    // not so before there was a third line
  friend bool operator==(const KnownRepository&, const KnownRepository&) = default;
};

const KnownRepository unreadable{.url = {}, .id = {}, .damaged = true};

std::string text_of(const KnownRepository& known) {
  const std::string text = known.url + "\n" + known.id + "\n";
  return text + fmt::format("hash {:016x}\n", format::hash64(std::as_bytes(std::span(text)), 0));
}

KnownRepository parse(const std::string& text) {
  const std::size_t first = text.find('\n');
  const std::size_t second = first == std::string::npos ? first : text.find('\n', first + 1);
  if (second == std::string::npos) return unreadable;
  KnownRepository known{.url = text.substr(0, first),
                        .id = text.substr(first + 1, second - first - 1)};
  known.hashed = second + 1 != text.size();
  const bool whole = known.hashed ? text == text_of(known) : format::valid_id(known.id);
  return whole ? known : unreadable;
}

Result<KnownRepository> known_repository(io::FileSystem& files, const std::string& path) {
  const auto text = io::read_file(files, path, 16 * kKiB);
  if (!text && text.error().code == ErrorCode::file_not_found) return KnownRepository{};
  if (!text && text.error().code == ErrorCode::corruption) return unreadable;
  if (!text) return std::unexpected(text.error());
  return parse(*text);
}

// An empty place where backups stood is most often a file system that is not mounted, or another
// server. To begin a new repository there would send the next backups to the wrong place. A file
// system may be mounted later, so that the agent is to be started again until then.
std::unexpected<Error> emptied(const KnownRepository& known, const std::string& now,
                               const std::string& known_path) {
  const bool directory = now.starts_with("file://");
  const ErrorCode code =
      directory ? ErrorCode::object_store_unavailable : ErrorCode::store_misconfigured;
  if (known.damaged)
    return fail(code,
                fmt::format("there is nothing at {}, and {}, which says where this host's "
                            "repository was, is damaged",
                            now, known_path),
                fmt::format("Mount the file system, or correct the URL. To begin a new repository "
                            "there, delete {}.",
                            known_path));
  return fail(code,
              fmt::format("there is nothing at {}, where repository {} was", known.url, known.id),
              fmt::format("{} To begin a new repository there, delete {}.",
                          directory ? "Mount the repository's file system."
                                    : "Correct s3.endpoint, or bring the objects back.",
                          known_path));
}

bool holds_backups(ObjectStore& store, const StoreCall& call) {
  bool backups = false;
  const auto visit = [&](const ObjectInfo&) {
    backups = true;
    return false;
  };
  return store.list("backups/", visit, call) && backups;
}

// No new one can be begun there: the operator has a copy of what is gone, or nobody.
std::unexpected<Error> file_gone(const std::string& url) {
  return fail(ErrorCode::corruption,
              fmt::format("the repository.json of {} is gone, but its backups are there", url),
              "Bring repository.json back from a copy of the repository.");
}

// Another one stands there: another server, bucket or file system, or somebody has begun it anew.
// Its backups are not those that this host has made, and the next ones belong to the old one.
std::unexpected<Error> replaced(const KnownRepository& known, const std::string& now,
                                const std::string& known_path) {
  const bool directory = known.url.starts_with("file://");
  return fail(
      ErrorCode::store_misconfigured,
      fmt::format("{} holds repository {} now, where repository {} was", known.url, now, known.id),
      fmt::format("{} To use the one that is there from now on, delete {}.",
                  directory ? "Mount the file system of the old one."
                            : "Correct s3.endpoint, or bring the old one back.",
                  known_path));
}

}  // namespace

Result<backup::Repository*> RepositoryAccess::get(const StoreCall& call) const {
  {
    const MutexLock lock(mutex_);
    if (repository_) return repository_.get();
  }
  // Not under the lock; two that open it at once find the same.
  auto opened = open(call);
  const MutexLock lock(mutex_);
  if (repository_) return repository_.get();
  if (!opened) {
    if (opened.error().code != ErrorCode::cancelled) error_ = opened.error();
    return std::unexpected(std::move(opened).error());
  }
  repository_ = std::move(*opened);
  error_.reset();
  return repository_.get();
}

Result<backup::Repository*> RepositoryAccess::current(const StoreCall& call) const {
  RESTORED_TRY(backup::Repository * known, get(call));
  const Result<bool> confirmed = known->confirm(call);
  if (confirmed && *confirmed) {
    const MutexLock lock(mutex_);
    if (repository_.get() == known) error_.reset();
    return known;
  }
  if (!confirmed && !backup::Repository::tells_of_a_change(confirmed.error()))
    return std::unexpected(confirmed.error());
  auto opened = open(call);
  const MutexLock lock(mutex_);
  if (!opened && opened.error().code == ErrorCode::cancelled)
    return std::unexpected(std::move(opened).error());
  if (!opened) error_ = opened.error();
  // Nothing is read from another one that stands in its place. In all other cases who only reads
  // goes on with what was opened: the backups can be whole although repository.json is not.
  const bool stays = !opened && opened.error().code != ErrorCode::store_misconfigured;
  if (repository_.get() == known && !stays) outdated_.push_back(std::move(repository_));
  if (!opened) return std::unexpected(std::move(opened).error());
  if (!repository_) repository_ = std::move(*opened);
  error_.reset();
  return repository_.get();
}

std::optional<Error> RepositoryAccess::error() const {
  const MutexLock lock(mutex_);
  return error_;
}

bool RepositoryAccess::is_open() const {
  const MutexLock lock(mutex_);
  return repository_ != nullptr;
}

Result<std::unique_ptr<backup::Repository>> RepositoryAccess::open(const StoreCall& call) const {
  RESTORED_TRY(const KnownRepository known, known_repository(files_, known_path_));
  const bool was_there = known.damaged || known.url == store_.url();
  using IfEmpty = backup::Repository::IfEmpty;
  // Before anything is written: another one may be somebody else's.
  const auto admit = [&](const std::string& id) -> Result<void> {
    if (known.url == store_.url() && id != known.id) return replaced(known, id, known_path_);
    return {};
  };
  auto opened = backup::Repository::open(store_, call, was_there ? IfEmpty::refuse : IfEmpty::begin,
                                         keys_, admit);
  const bool nothing = !opened && opened.error().code == ErrorCode::object_not_found;
  if (nothing && was_there && holds_backups(store_, call)) return file_gone(store_.url());
  if (nothing && was_there) return emptied(known, store_.url(), known_path_);
  if (!opened) return opened;
  const KnownRepository now{.url = store_.url(), .id = (*opened)->id()};
  if (now == known) return opened;
  RESTORED_TRY(admit(now.id));
  if (known.damaged)
    log::warning("restore", "{} was damaged: it says {}, repository {}, from now on", known_path_,
                 now.url, now.id);
  const std::string text = text_of(now);
  RESTORED_TRY(io::replace_file(files_, known_path_, std::as_bytes(std::span(text))));
  return opened;
}

}  // namespace restored::restore
