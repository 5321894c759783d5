#include "restore/staging.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "restored/limits.h"

namespace restored::restore {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;  // progress counters
using pipeline::FrameSpan;

// Adds a span to sorted disjoint ones.
void merge(std::vector<FrameSpan>& spans, FrameSpan added) {
  if (added.begin == added.end) return;
  spans.push_back(added);
  std::ranges::sort(spans, {}, &FrameSpan::begin);
  std::vector<FrameSpan> merged;
  for (const FrameSpan& span : spans) {
    if (!merged.empty() && span.begin <= merged.back().end) {
      merged.back().end = std::max(merged.back().end, span.end);
    } else {
      merged.push_back(span);
    }
  }
  spans = std::move(merged);
}

std::uint64_t content_bytes(std::span<const format::Frame> frames, FrameSpan span) {
  std::uint64_t bytes = 0;
  for (std::uint64_t i = span.begin; i < span.end; ++i) bytes += frames[i].content_bytes;
  return bytes;
}

}  // namespace

Staging::Staging(io::FileSystem& files, std::string directory, const OperationId& operation,
                 const backup::LoadedBackup& backup)
    : files_(files),
      directory_(std::move(directory)),
      binding_{operation, manifest_hash(backup.manifest)},
      backup_(backup),
      states_(backup.manifest.files.size()) {}

std::string Staging::path(std::size_t index) const {
  return files_directory() + "/" + backup_.manifest.files[index].name;
}

std::span<const format::Frame> Staging::frames(std::size_t index) const {
  const format::ManifestFile& file = backup_.manifest.files[index];
  return std::span(backup_.frames).subspan(file.frames_begin, file.frames_count);
}

std::vector<StagedFile> Staging::present() const {
  std::vector<StagedFile> present(states_.size());
  const Result<std::vector<io::Entry>> entries = files_.list(files_directory());
  if (!entries) return present;
  std::map<std::string_view, const io::Entry*> by_name;
  for (const io::Entry& entry : *entries) by_name.emplace(entry.name, &entry);
  for (std::size_t i = 0; i < present.size(); ++i) {
    const auto found = by_name.find(backup_.manifest.files[i].name);
    if (found != by_name.end()) present[i] = {found->second->size_bytes, found->second->inode};
  }
  return present;
}

Result<void> Staging::begin(const StepHook& step) {
  RESTORED_TRY(const bool resumed, resume());
  return resumed ? Result<void>() : begin_anew(step);
}

Result<void> Staging::begin_anew(const StepHook& step) {
  RESTORED_TRY(files_.remove_tree(directory_));
  RESTORED_TRY(files_.make_directories(files_directory()));
  step("restore.run.before-journal");
  RESTORED_TRY(journal_,
               Journal::create(files_, directory_ + "/journal", binding_, backup_.manifest.files));
  return {};
}

Result<bool> Staging::resume() {
  std::vector<JournalEntry> entries;
  Result<Journal> journal =
      Journal::open(files_, directory_ + "/journal", binding_, backup_.manifest.files, entries);
  if (!journal) {
    const Error& error = journal.error();
    if (error.code != ErrorCode::file_not_found && error.code != ErrorCode::corruption) {
      return std::unexpected(error);
    }
    return false;
  }
  for (const JournalEntry& entry : entries) take(entry);
  RESTORED_TRY(files_.remove_tree(import_directory()));
  const Result<void> removed = remove_unnamed_files();
  if (!removed && removed.error().code == ErrorCode::file_not_found) {
    // A crash while all of it was being removed.
    states_.assign(states_.size(), {});
    return false;
  }
  RESTORED_TRY(removed);
  journal_ = std::move(*journal);
  return true;
}

void Staging::take(const JournalEntry& entry) {
  FileState& state = states_[entry.file];
  const std::uint64_t count = backup_.manifest.files[entry.file].frames_count;
  state.whole = state.whole || entry.whole;
  state.linked = state.linked || entry.linked;
  merge(state.spans, entry.whole ? FrameSpan{0, count} : entry.span);
}

// A record cannot be taken back, so what is forgotten is left out of a new journal. Without that a
// live file that is linked under its name, by an attempt that ends before it is on record, would
// be continued as if it were ours.
Result<void> Staging::rewrite_journal() {
  const std::string path = directory_ + "/journal";
  const std::string fresh = path + ".new";
  journal_.reset();
  RESTORED_TRY(files_.remove_file(fresh));
  RESTORED_TRY(Journal journal, Journal::create(files_, fresh, binding_, backup_.manifest.files));
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const FileState& state = states_[i];
    for (const FrameSpan& span : state.spans) {
      RESTORED_TRY(
          journal.append({static_cast<std::uint32_t>(i), span, state.whole, state.linked}));
    }
  }
  RESTORED_TRY(journal.sync());
  RESTORED_TRY(files_.rename(fresh, path));
  RESTORED_TRY(files_.sync_directory(directory_));
  journal_ = std::move(journal);
  return {};
}

// A file of which the journal says nothing may be anything, a link to a live file included.
Result<void> Staging::remove_unnamed_files() {
  std::set<std::string, std::less<>> named;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].whole || !states_[i].spans.empty()) {
      named.insert(backup_.manifest.files[i].name);
    }
  }
  RESTORED_TRY(const std::vector<io::Entry> entries, files_.list(files_directory()));
  for (const io::Entry& entry : entries) {
    if (!named.contains(entry.name)) {
      RESTORED_TRY(files_.remove_tree(files_directory() + "/" + entry.name));
    }
  }
  return {};
}

Result<void> Staging::forget(std::size_t index) {
  states_[index] = {};
  return files_.remove_file(path(index));
}

void Staging::count_present(std::size_t index, pipeline::Progress& progress) const {
  const std::uint64_t bytes = backup_.manifest.files[index].size_bytes;
  progress.bytes_done.fetch_add(bytes, relaxed);
  progress.bytes_reused.fetch_add(bytes, relaxed);
  progress.files_done.fetch_add(1, relaxed);
}

Result<void> Staging::check_journalled(const pipeline::FetchEnvironment& environment,
                                       std::stop_token stop) {
  std::vector<pipeline::LocalSpan> spans;
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    for (const FrameSpan& span : states_[i].spans) {
      spans.push_back({backup_.manifest.files[i].name, path(i), frames(i), span});
      owners.push_back(i);
    }
  }
  RESTORED_TRY(const std::vector<bool> matches,
               pipeline::verify_local(spans, environment, std::move(stop)));
  std::vector<FileState> checked(states_.size());
  for (std::size_t i = 0; i < states_.size(); ++i) {
    checked[i].whole = states_[i].whole;
    checked[i].linked = states_[i].linked;
  }
  for (std::size_t i = 0; i < spans.size(); ++i) {
    FileState& state = checked[owners[i]];
    if (matches[i]) {
      state.spans.push_back(spans[i].span);
    } else {
      log::warning("restore", "operation={} file={} frames {} to {} are not what was journalled",
                   binding_.operation.value, spans[i].name, spans[i].span.begin, spans[i].span.end);
      // Whatever else the file holds, it is not ours to write to any more: see the rules.
      RESTORED_TRY(files_.remove_file(spans[i].path));
    }
  }
  // A file that lost one span has lost its others with it.
  bool lost = false;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (matches[i]) continue;
    checked[owners[i]] = {};
    lost = true;
  }
  states_ = std::move(checked);
  for (std::size_t i = 0; i < states_.size(); ++i) {
    // A whole file without frames (an empty one) has nothing to hash, so nothing to trust.
    if (states_[i].whole && states_[i].spans.empty()) {
      RESTORED_TRY(forget(i));
      lost = true;
    }
    if (states_[i].whole) count_present(i, environment.progress);
  }
  return lost ? rewrite_journal() : Result<void>();
}

// What is to be continued is opened for writing. One that has another name is somebody else's too,
// whatever the journal says.
Result<void> Staging::forget_linked_fragments() {
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].whole || states_[i].spans.empty()) continue;
    RESTORED_TRY(const io::Entry entry, files_.stat(path(i)));
    if (entry.links <= 1) continue;
    log::warning("restore", "operation={} file={} has {} names: fetched from the beginning",
                 binding_.operation.value, backup_.manifest.files[i].name, entry.links);
    RESTORED_TRY(forget(i));
  }
  return {};
}

Result<void> Staging::link_local(std::span<const std::optional<std::string>> paths,
                                 const pipeline::FetchEnvironment& environment,
                                 std::stop_token stop) {
  RESTORED_CHECK(paths.size() == states_.size(), "one answer for each file of the manifest");
  std::vector<pipeline::LocalSpan> spans;
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    if (!paths[i] || !states_[i].spans.empty()) continue;
    const format::ManifestFile& file = backup_.manifest.files[i];
    // It may have vanished by a compaction meanwhile, or not be linkable: it is fetched then.
    if (!files_.link(*paths[i], path(i))) continue;
    spans.push_back({file.name, path(i), frames(i), {0, file.frames_count}});
    owners.push_back(i);
  }
  RESTORED_TRY(const std::vector<bool> matches,
               pipeline::verify_local(spans, environment, std::move(stop)));
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const std::size_t index = owners[i];
    if (!matches[i]) {
      log::warning("restore", "operation={} file={} of this host differs from the backup's",
                   binding_.operation.value, spans[i].name);
      RESTORED_TRY(forget(index));
      continue;
    }
    const JournalEntry entry{static_cast<std::uint32_t>(index), spans[i].span, true, true};
    take(entry);
    RESTORED_TRY(journal_->append(entry));
    count_present(index, environment.progress);
  }
  return journal_->sync();
}

Result<void> Staging::fetch_rest(const pipeline::FetchEnvironment& environment,
                                 const StepHook& step,
                                 const std::function<void(std::uint64_t)>& written,
                                 std::stop_token stop) {
  RESTORED_TRY(forget_linked_fragments());
  std::vector<pipeline::FetchFile> missing;
  std::vector<std::size_t> owners;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].whole) continue;
    const format::ManifestFile& file = backup_.manifest.files[i];
    for (const FrameSpan& span : states_[i].spans) {
      environment.progress.bytes_reused.fetch_add(content_bytes(frames(i), span), relaxed);
    }
    missing.push_back({file.name, format::object_key(file.content), path(i), file.size_bytes,
                       frames(i), states_[i].spans, backup_.seal(file)});
    owners.push_back(i);
  }
  const auto durable = [&](std::size_t fetched, FrameSpan span, bool complete) -> Result<void> {
    const std::size_t index = owners[fetched];
    RESTORED_TRY(journal_->append({static_cast<std::uint32_t>(index), span, complete, false}));
    const std::uint64_t bytes = content_bytes(frames(index), span);
    written(bytes);
    unsynced_bytes_ += bytes;
    // A record that a power loss takes costs fetching its frames again, nothing else.
    if (unsynced_bytes_ >= limits::journal_checkpoint_bytes) {
      RESTORED_TRY(journal_->sync());
      unsynced_bytes_ = 0;
    }
    step("restore.run.after-span");
    return {};
  };
  return pipeline::fetch(missing, environment, durable, std::move(stop));
}

Result<void> Staging::finish() {
  RESTORED_TRY(journal_->close());
  journal_.reset();
  return files_.sync_directory(files_directory());
}

Result<std::string> Staging::link_for_import() {
  const std::string directory = import_directory();
  RESTORED_TRY(files_.remove_tree(directory));
  RESTORED_TRY(files_.make_directories(directory));
  for (std::size_t i = 0; i < states_.size(); ++i) {
    RESTORED_TRY(files_.link(path(i), directory + "/" + backup_.manifest.files[i].name));
  }
  return directory;
}

}  // namespace restored::restore
