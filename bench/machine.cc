#include "machine.h"

#include <fmt/core.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <thread>

#include "base/random.h"
#include "restored/units.h"

namespace restored::bench {
namespace {

// "MemTotal:   24684092 kB" and its like.
std::uint64_t kibibytes_of(const std::string& path, std::string_view field) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(field)) return std::stoull(line.substr(field.size())) * kKiB;
  }
  return 0;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(": ") + 2);
  }
  return "unknown";
}

// Numbers from linux/magic.h.
std::string file_system_name(const std::string& directory) {
  struct ::statfs facts = {};
  if (::statfs(directory.c_str(), &facts) != 0) return "unknown";
  switch (static_cast<unsigned long>(facts.f_type)) {
    case 0xEF53:
      return "ext4";
    case 0x58465342:
      return "xfs";
    case 0x9123683E:
      return "btrfs";
    case 0x01021994:
      return "tmpfs";
    case 0x794C7630:
      return "overlay";
    default:
      return fmt::format("{:#x}", static_cast<unsigned long>(facts.f_type));
  }
}

}  // namespace

Machine machine_facts(const std::string& directory) {
  Machine machine;
  machine.processor = processor_name();
  machine.cores = std::thread::hardware_concurrency();
  machine.memory_bytes = kibibytes_of("/proc/meminfo", "MemTotal:");
  struct ::utsname kernel = {};
  if (::uname(&kernel) == 0) machine.kernel = kernel.release;
  machine.file_system = file_system_name(directory);
  return machine;
}

bool drop_page_cache() {
  ::sync();
  std::ofstream file("/proc/sys/vm/drop_caches");
  file << "3" << std::flush;
  return file.good();
}

void settle() {
  drop_page_cache();
  std::this_thread::sleep_for(std::chrono::seconds(2));
}

std::uint64_t resident_bytes(pid_t process) {
  return kibibytes_of(fmt::format("/proc/{}/status", process), "VmRSS:");
}

Result<ScratchDirectory> ScratchDirectory::make(const std::string& parent) {
  std::error_code error;
  const std::string path = parent + "/restore-bench-" + random_id(8);
  std::filesystem::create_directories(path, error);
  if (error) return fail(ErrorCode::io_error, fmt::format("{}: {}", path, error.message()));
  return ScratchDirectory(path);
}

ScratchDirectory::ScratchDirectory(ScratchDirectory&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

ScratchDirectory::~ScratchDirectory() {
  if (path_.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace restored::bench
