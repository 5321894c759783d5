#include "clean_backup.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "backup/repository.h"
#include "base/check.h"
#include "restored/limits.h"
#include "seeded_runs.h"
#include "store/open_store.h"
#include "test_keys.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

std::vector<pipeline::FetchFile> planned(const backup::LoadedBackup& loaded,
                                         const std::string& directory) {
  std::vector<pipeline::FetchFile> files;
  for (const format::ManifestFile& file : loaded.manifest.files) {
    const auto frames = std::span(loaded.frames).subspan(file.frames_begin, file.frames_count);
    files.push_back({file.name,
                     format::object_key(file.content),
                     directory + "/" + file.name,
                     file.size_bytes,
                     frames,
                     {},
                     loaded.seal(file)});
  }
  return files;
}

}  // namespace

CleanBackup::CleanBackup() {
  const TemporaryDirectory directory(memory_directory());
  const std::string repository = directory.file("repository");
  {
    TestHost host(directory.file("state"), repository);
    host.open();
    const DatabaseId id = host.make_database("orders");
    // Each backup writes what is new into a file of its own.
    host.put(id, records("a", 90'000));
    host.back_up(id);
    host.put(id, records("b", 20'000, 2));
    host.back_up(id);
    host.put(id, records("c", 1'000, 3));
    backup_ = host.back_up(id);
  }
  for (const auto& entry : fs::recursive_directory_iterator(repository)) {
    if (!entry.is_regular_file()) continue;
    const std::string key = fs::relative(entry.path(), repository).string();
    if (!key.starts_with('.')) objects_[key] = read_whole_file(entry.path());
  }
  auto store = store::open_store("file://" + repository, io::system_files(), nullptr);
  RESTORED_CHECK(store, "a directory store opens");
  const auto loaded =
      backup::Repository::open(**store, {}, backup::Repository::IfEmpty::refuse, ring_of_hosts())
          .value()
          ->load(backup_, {});
  RESTORED_CHECK(loaded, loaded ? "" : loaded.error().message.c_str());
  for (const format::ManifestFile& file : loaded->manifest.files)
    aliases_[format::object_key(file.content)] = file.name;
  aliases_[format::manifest_key(backup_)] = "manifest";
  aliases_[format::frames_key(backup_)] = "frames";
  FileRestorer restorer;
  auto restored = restorer.restore(**store, backup_, {});
  RESTORED_CHECK(restored, restored ? "" : restored.error().message.c_str());
  contents_ = std::move(*restored);
}

void CleanBackup::put_on(s3_server::FaultServer& server) const {
  server.objects().make_bucket(bucket);
  for (const auto& [key, bytes] : objects_)
    server.objects().put(bucket, std::string(prefix) + "/" + key, bytes);
  for (const auto& [key, alias] : aliases_) server.call(std::string(prefix) + "/" + key, alias);
}

FileRestorer::FileRestorer() {
  auto budget = MemoryBudget::make(limits::memory_budget_bytes_min);
  RESTORED_CHECK(budget, "the smallest budget is one");
  budget_ = std::move(*budget);
  io::IoQueueOptions options;
  options.memory = budget_.get();
  auto queue = io::open_io_queue(options);
  RESTORED_CHECK(queue, "a queue opens");
  queue_ = std::move(*queue);
}

pipeline::FetchEnvironment FileRestorer::environment(ObjectStore& store) {
  return {store, io::system_files(), *queue_, *budget_, progress_, nullptr, nullptr, 2, false};
}

Result<std::map<std::string, std::string>> FileRestorer::restore(ObjectStore& store,
                                                                 const BackupId& backup,
                                                                 const std::stop_token& stop) {
  using backup::Repository;
  RESTORED_TRY(const auto repository,
               Repository::open(store, stop, Repository::IfEmpty::refuse, ring_of_hosts()));
  RESTORED_TRY(const backup::LoadedBackup loaded, repository->load(backup, stop));
  const std::string target = directory_.file("target");
  fs::remove_all(target);
  fs::create_directory(target);
  const auto files = planned(loaded, target);
  RESTORED_TRY(pipeline::fetch(
      files, environment(store),
      [](std::size_t, pipeline::FrameSpan, bool) -> Result<void> { return {}; }, stop));
  std::map<std::string, std::string> contents;
  for (const pipeline::FetchFile& file : files)
    contents[file.name] = read_whole_file(file.target_path);
  return contents;
}

Result<void> FileRestorer::verify(ObjectStore& store, const BackupId& backup,
                                  const std::stop_token& stop) {
  using backup::Repository;
  RESTORED_TRY(const auto repository,
               Repository::open(store, stop, Repository::IfEmpty::refuse, ring_of_hosts()));
  RESTORED_TRY(const backup::LoadedBackup loaded, repository->load(backup, stop));
  return pipeline::verify_objects(planned(loaded, directory_.path()), environment(store), stop);
}

}  // namespace restored::test
