#include "backup_fixture.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <utility>

#include "restored/limits.h"
#include "store/open_store.h"

namespace restored::pipeline::test {

using restored::test::read_whole_file;
using restored::test::write_file;

std::string seeded_content(std::uint64_t seed, std::uint64_t bytes, double random_part) {
  std::mt19937_64 random(seed);
  std::string content(bytes, '\0');
  const auto cut = static_cast<std::uint64_t>(random_part * 1024);
  for (std::uint64_t block = 0; block < bytes; block += 1024) {
    const std::uint64_t length = std::min<std::uint64_t>(1024, bytes - block);
    std::memset(content.data() + block, static_cast<int>('a' + block / 1024 % 23), length);
    for (std::uint64_t at = 0; at < std::min(cut, length); at += sizeof(std::uint64_t)) {
      const std::uint64_t word = random();
      std::memcpy(content.data() + block + at, &word,
                  std::min<std::uint64_t>(sizeof word, length - at));
    }
  }
  return content;
}

void damage_byte(const std::string& path, std::uint64_t offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(~byte));
  file.flush();
  ASSERT_TRUE(file.good()) << path << " at " << offset;
}

BackupFixture::BackupFixture() {
  auto budget = MemoryBudget::make(limits::memory_budget_bytes_min);
  EXPECT_TRUE(budget.has_value());
  budget_ = std::move(*budget);
  std::filesystem::create_directories(directory_.file("source"));
  std::filesystem::create_directories(directory_.file("target"));
}

BackupFixture::~BackupFixture() {
  store_.reset();
  queue_.reset();
  real_queue_.reset();
}

void BackupFixture::use_budget(std::uint64_t budget_bytes) {
  auto budget = MemoryBudget::make(budget_bytes);
  ASSERT_TRUE(budget.has_value());
  budget_ = std::move(*budget);
}

void BackupFixture::open() {
  if (store_) return;
  io::IoQueueOptions options;
  options.io_uring = io_uring_;
  options.memory = budget_.get();
  auto queue = io::open_io_queue(options);
  ASSERT_TRUE(queue.has_value()) << queue.error().message;
  real_queue_ = std::move(*queue);
  queue_ = std::make_unique<FaultIoQueue>(*real_queue_, plan_);
  files_ = std::make_unique<FaultFileSystem>(io::system_files(), plan_);
  store_files_ = std::make_unique<FaultFileSystem>(io::system_files(), store_plan_);
  auto store =
      store::open_store("file://" + directory_.file("repository"), *store_files_, queue_.get());
  ASSERT_TRUE(store.has_value()) << store.error().message;
  store_ = std::move(*store);
}

FetchEnvironment BackupFixture::environment() {
  ObjectStore& store = store_used_ != nullptr ? *store_used_ : *store_;
  return FetchEnvironment{store,  *files_,    *queue_,         *budget_,  progress_,
                          waits_, bandwidth_, decode_threads_, direct_io_};
}

UploadEnvironment BackupFixture::upload_environment(int zstd_level) {
  ObjectStore& store = store_used_ != nullptr ? *store_used_ : *store_;
  return UploadEnvironment{store,  *files_,    *budget_, upload_progress_,
                           waits_, bandwidth_, 2,        zstd_level};
}

ObjectStore& BackupFixture::opened_store() {
  open();
  return *store_;
}

std::vector<UploadFile> BackupFixture::write_sources(
    const std::map<std::string, std::string>& contents) {
  std::vector<UploadFile> files;
  for (const auto& [name, content] : contents) {
    const std::string path = directory_.file("source/" + name);
    write_file(path, content);
    files.push_back({name, path, content.size()});
  }
  return files;
}

Result<std::vector<UploadedFile>> BackupFixture::upload_contents(
    const std::map<std::string, std::string>& contents, int zstd_level) {
  open();
  const std::vector<UploadFile> files = write_sources(contents);
  return upload(files, upload_environment(zstd_level), {});
}

void BackupFixture::make_backup(const std::map<std::string, std::string>& contents) {
  auto uploaded = upload_contents(contents);
  ASSERT_TRUE(uploaded.has_value()) << uploaded.error().message;
  uploaded_ = std::move(*uploaded);
  for (const auto& [name, content] : contents) {
    const UploadedFile& file = uploaded_[backup_.size()];
    backup_.push_back({name,
                       format::object_key(file.content),
                       directory_.file("target/" + name),
                       content.size(),
                       file.frames,
                       {}});
    contents_.push_back(content);
  }
}

void BackupFixture::make_usual_backup() {
  make_backup({
      {"000001.sst", seeded_content(1, 9 * kMiB + 12345, 1.0)},
      {"000002.sst", seeded_content(2, 17 * kMiB + 4096, 0.2)},
      {"000003.sst", seeded_content(3, 1, 1.0)},
      {"000004.sst", ""},
      {"000005.sst", seeded_content(5, limits::frame_bytes, 0.5)},
      {"000006.sst", seeded_content(6, 3 * limits::frame_bytes + 1, 0.5)},
  });
}

Result<void> BackupFixture::fetch_all(std::stop_token stop) {
  durable_.clear();
  return fetch(
      backup_, environment(),
      [this](std::size_t file_index, FrameSpan span, bool complete) -> Result<void> {
        durable_.push_back({file_index, span, complete});
        return {};
      },
      std::move(stop));
}

std::string BackupFixture::object_path(std::size_t file_index) const {
  return directory_.file("repository/" + backup_[file_index].object_key);
}

std::string BackupFixture::target_content(std::size_t file_index) const {
  return read_whole_file(backup_[file_index].target_path);
}

void BackupFixture::expect_all_restored() const {
  for (std::size_t index = 0; index < backup_.size(); ++index) {
    ASSERT_TRUE(std::filesystem::exists(backup_[index].target_path)) << backup_[index].name;
    EXPECT_TRUE(target_content(index) == contents_[index]) << backup_[index].name;
  }
}

void BackupFixture::expect_drained() const {
  EXPECT_EQ(budget_->in_use_bytes(), 0u);
  EXPECT_LE(budget_->peak_bytes(), budget_->budget_bytes());
}

std::uint64_t BackupFixture::stored_offset(std::size_t file_index, std::uint64_t frame) const {
  std::uint64_t offset = 0;
  for (std::uint64_t index = 0; index < frame; ++index) {
    offset += backup_[file_index].frames[index].stored_bytes;
  }
  return offset;
}

}  // namespace restored::pipeline::test
