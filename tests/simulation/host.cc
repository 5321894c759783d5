#include "host.h"

#include <cerrno>
#include <utility>

#include "archive.h"
#include "catalog/disk.h"
#include "kernel.h"
#include "restored/limits.h"
#include "simulated_disk/rocksdb_files.h"

namespace restored::simulation {
namespace {

constexpr std::uint64_t calls_of_a_life = 3'000;  // of a disk, that change something; about

}  // namespace

DatabaseId database_id(std::size_t index) {
  return DatabaseId{std::string(text(Ledger::shared().ids[index]))};
}

Host::Host(const Plan& plan, const LifePlan& life, const Disks& disks)
    : plan_(plan), life_(life), files_(state_, {{"/repository", &repository_}}) {
  extract(disks.state, state_);
  if (plan.logs_are_not_synced) {
    state_.plan().ignore_syncs([](test::DiskCall, const std::string& path, const std::string&) {
      return path.starts_with("/state/databases/") && path.ends_with(".log");
    });
  }
  if (disks.repository.empty()) {
    repository_.make_directory("/repository");
    repository_.sync_directory("/");
  } else {
    extract(disks.repository, repository_);
  }
}

Result<void> Host::open() {
  state_.plan().before_each([](test::DiskCall call, const std::string& path) {
    if (running()) remark(std::string(test::name(call)) + " " + path);
  });
  EngineOptions options;
  options.state_directory = "/state";
  options.repository_url = "file:///repository";
  options.memory_budget_bytes = limits::memory_budget_bytes_min;
  options.block_cache_bytes = 4 * kMiB;
  options.space_reserve_bytes = 1 * kMiB;
  options.decode_threads = 2;
  options.hold_seconds = plan_.hold_seconds;
  options.io_uring = false;
  restore::EngineSeams seams;
  seams.files = &files_;
  seams.disk = std::make_shared<catalog::Disk>(
      catalog::Disk{&files_, test::simulated_rocksdb_files(state_)});
  seams.wrap_store = [this](std::unique_ptr<ObjectStore> inner) -> std::unique_ptr<ObjectStore> {
    return std::make_unique<FaultyStore>(std::move(inner), faults_);
  };
  RESTORED_TRY(engine_, restore::open_engine(std::move(options), seams));
  return {};
}

Result<void> Host::close() {
  const Result<void> closed = engine_->close();
  engine_.reset();
  return closed;
}

void Host::begin_faults() {
  faults_ = life_.store;
  for (std::uint32_t i = 0; i < life_.disk.errors; ++i) {
    const test::CallFilter filter{
        life_.disk.errors_are_full ? test::needing_space : test::changing_calls, ""};
    state_.plan().fail(filter, 1 + random_below(calls_of_a_life),
                       life_.disk.errors_are_full ? ENOSPC : EIO,
                       static_cast<double>(random_below(3)) / 2);
  }
}

void Host::fill_disk(std::uint64_t micros) {
  const auto space = state_.space("/");
  if (!space) return;
  const auto [free, total] = *space;
  state_.set_capacity(total - free + random_below(64) * 1024);
  sleep_micros(micros);
  state_.set_capacity(test::SimulatedDisk::unlimited);
}

bool Host::disk_is_good() const {
  return life_.disk.errors == 0 && !life_.disk.gets_full;
}

Disks Host::leave(Ending ending, test::Survival survival) {
  if (ending != Ending::power)
    return {archive(*state_.process_death()), archive(*repository_.process_death())};
  const std::uint64_t seed = plan_.seed * 31 + steps();
  return {archive(*state_.power_cut(survival, seed)),
          archive(*repository_.power_cut(survival, seed + 1))};
}

}  // namespace restored::simulation
