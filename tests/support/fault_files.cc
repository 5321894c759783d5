#include "support/fault_files.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "restored/limits.h"

namespace restored::test {
namespace {

std::string_view name(Call call) {
  constexpr std::array<std::string_view, call_count> names = {"open",
                                                              "create",
                                                              "read",
                                                              "write",
                                                              "truncate",
                                                              "allocate",
                                                              "sync",
                                                              "close",
                                                              "stat",
                                                              "list",
                                                              "make_directories",
                                                              "link",
                                                              "rename",
                                                              "remove_file",
                                                              "remove_tree",
                                                              "sync_directory",
                                                              "space"};
  return names[std::to_underlying(call)];
}

class FaultFile final : public io::File {
 public:
  FaultFile(std::unique_ptr<io::File> inner, FaultPlan& plan)
      : inner_(std::move(inner)), plan_(plan) {}

  const std::string& path() const override { return inner_->path(); }
  Result<void> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    if (auto error = plan_.next(Call::read, path())) return std::unexpected(std::move(*error));
    return inner_->read_at(offset, into);
  }
  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> from) override {
    if (auto error = plan_.next(Call::write, path())) {
      const std::size_t part = plan_.part_to_write(from.size());
      if (part > 0) RESTORED_TRY(inner_->write_at(offset, from.first(part)));
      return std::unexpected(std::move(*error));
    }
    return inner_->write_at(offset, from);
  }
  Result<std::uint64_t> size() override {
    if (auto error = plan_.next(Call::stat, path())) return std::unexpected(std::move(*error));
    return inner_->size();
  }
  Result<void> truncate(std::uint64_t size_bytes) override {
    if (auto error = plan_.next(Call::truncate, path())) return std::unexpected(std::move(*error));
    return inner_->truncate(size_bytes);
  }
  Result<void> allocate(std::uint64_t size_bytes) override {
    if (auto error = plan_.next(Call::allocate, path())) return std::unexpected(std::move(*error));
    return inner_->allocate(size_bytes);
  }
  Result<void> sync() override {
    if (auto error = plan_.next(Call::sync, path())) return std::unexpected(std::move(*error));
    return inner_->sync();
  }
  void drop_cache() override { inner_->drop_cache(); }
  Result<void> close() override {
    auto error = plan_.next(Call::close, path());
    auto closed = inner_->close();  // a close that fails has closed
    if (error) return std::unexpected(std::move(*error));
    return closed;
  }
  bool direct() const override { return inner_->direct(); }
  int descriptor() const override { return inner_->descriptor(); }
  io::File& inner() { return *inner_; }

 private:
  const std::unique_ptr<io::File> inner_;
  FaultPlan& plan_;
};

// The queue has counted the request: the file that the pool calls must not count it again.
io::File& past_faults(io::File& file) {
  auto* const faulty = dynamic_cast<FaultFile*>(&file);
  return faulty == nullptr ? file : faulty->inner();
}

}  // namespace

void FaultPlan::fail(Call call, std::uint64_t nth, ErrorCode code) {
  MutexLock lock(mutex_);
  rules_.emplace(call, Rule{counts_[std::to_underlying(call)] + nth, true, code});
}

void FaultPlan::fail_from(Call call, std::uint64_t nth, ErrorCode code) {
  MutexLock lock(mutex_);
  rules_.emplace(call, Rule{counts_[std::to_underlying(call)] + nth, false, code});
}

void FaultPlan::cut_writes(double fraction) {
  MutexLock lock(mutex_);
  write_fraction_ = fraction;
}

void FaultPlan::only(std::string path_part) {
  MutexLock lock(mutex_);
  only_ = std::move(path_part);
}

void FaultPlan::before_each(std::function<void(Call, const std::string&)> hook) {
  hook_ = std::move(hook);
}

void FaultPlan::clear() {
  MutexLock lock(mutex_);
  counts_.fill(0);
  rules_.clear();
  write_fraction_ = 0;
  failures_ = 0;
}

std::uint64_t FaultPlan::count(Call call) const {
  MutexLock lock(mutex_);
  return counts_[std::to_underlying(call)];
}

std::uint64_t FaultPlan::failures() const {
  MutexLock lock(mutex_);
  return failures_;
}

std::optional<Error> FaultPlan::next(Call call, const std::string& path) {
  {
    MutexLock lock(mutex_);
    if (path.find(only_) == std::string::npos) return std::nullopt;
  }
  if (hook_) hook_(call, path);
  MutexLock lock(mutex_);
  const std::uint64_t number = ++counts_[std::to_underlying(call)];
  const auto [begin, end] = rules_.equal_range(call);
  for (auto rule = begin; rule != end; ++rule) {
    const bool hit =
        rule->second.once ? number == rule->second.first : number >= rule->second.first;
    if (!hit) continue;
    ++failures_;
    return Error{rule->second.code,
                 fmt::format("injected: {} number {} of {}", name(call), number, path), ""};
  }
  return std::nullopt;
}

std::size_t FaultPlan::part_to_write(std::size_t bytes) const {
  MutexLock lock(mutex_);
  const auto part = static_cast<std::size_t>(static_cast<double>(bytes) * write_fraction_);
  return part - part % limits::io_alignment;
}

Result<std::unique_ptr<io::File>> FaultFileSystem::open(const std::string& path, io::Access access,
                                                        io::Caching caching) {
  if (auto error = plan_.next(Call::open, path)) return std::unexpected(std::move(*error));
  if (access == io::Access::create || access == io::Access::create_or_open) {
    if (auto error = plan_.next(Call::create, path)) return std::unexpected(std::move(*error));
  }
  RESTORED_TRY(auto file, inner_.open(path, access, caching));
  return std::make_unique<FaultFile>(std::move(file), plan_);
}

Result<io::Entry> FaultFileSystem::stat(const std::string& path) {
  if (auto error = plan_.next(Call::stat, path)) return std::unexpected(std::move(*error));
  return inner_.stat(path);
}

Result<std::vector<io::Entry>> FaultFileSystem::list(const std::string& directory) {
  if (auto error = plan_.next(Call::list, directory)) return std::unexpected(std::move(*error));
  return inner_.list(directory);
}

Result<void> FaultFileSystem::make_directories(const std::string& path) {
  if (auto error = plan_.next(Call::make_directories, path)) {
    return std::unexpected(std::move(*error));
  }
  return inner_.make_directories(path);
}

Result<void> FaultFileSystem::link(const std::string& existing, const std::string& added) {
  if (auto error = plan_.next(Call::link, added)) return std::unexpected(std::move(*error));
  return inner_.link(existing, added);
}

Result<void> FaultFileSystem::rename(const std::string& from, const std::string& to) {
  if (auto error = plan_.next(Call::rename, to)) return std::unexpected(std::move(*error));
  return inner_.rename(from, to);
}

Result<void> FaultFileSystem::remove_file(const std::string& path) {
  if (auto error = plan_.next(Call::remove_file, path)) return std::unexpected(std::move(*error));
  return inner_.remove_file(path);
}

Result<void> FaultFileSystem::remove_tree(const std::string& path) {
  if (auto error = plan_.next(Call::remove_tree, path)) return std::unexpected(std::move(*error));
  return inner_.remove_tree(path);
}

Result<void> FaultFileSystem::sync_directory(const std::string& path) {
  if (auto error = plan_.next(Call::sync_directory, path)) {
    return std::unexpected(std::move(*error));
  }
  return inner_.sync_directory(path);
}

Result<io::Space> FaultFileSystem::space(const std::string& path) {
  if (auto error = plan_.next(Call::space, path)) return std::unexpected(std::move(*error));
  return inner_.space(path);
}

void FaultIoQueue::submit_write(io::File& file, std::uint64_t offset,
                                std::span<const std::byte> bytes, io::Completion done) {
  auto error = plan_.next(Call::write, file.path());
  if (!error) return inner_.submit_write(past_faults(file), offset, bytes, std::move(done));
  // The part that is written (it may be empty) carries the error to the queue's own thread.
  inner_.submit_write(past_faults(file), offset, bytes.first(plan_.part_to_write(bytes.size())),
                      [done = std::move(done), error = std::move(*error)](Result<void>) {
                        done(std::unexpected(error));
                      });
}

void FaultIoQueue::submit_read(io::File& file, std::uint64_t offset, std::span<std::byte> bytes,
                               io::Completion done) {
  auto error = plan_.next(Call::read, file.path());
  if (!error) return inner_.submit_read(past_faults(file), offset, bytes, std::move(done));
  inner_.submit_read(past_faults(file), offset, bytes.first(0),
                     [done = std::move(done), error = std::move(*error)](Result<void>) {
                       done(std::unexpected(error));
                     });
}

}  // namespace restored::test
