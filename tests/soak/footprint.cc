#include "footprint.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <thread>

#include "leftovers.h"

namespace restored::soak_test {
namespace {

namespace fs = std::filesystem;

// What was removed is closed a moment later, and so are connections: the least of two seconds
// counts.
constexpr int looks = 20;
constexpr std::chrono::milliseconds look_pause{100};

std::uint64_t entries(const fs::path& directory) {
  return static_cast<std::uint64_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

// "RssAnon:      1234 kB"
std::uint64_t status_kilobytes(const fs::path& process, const std::string& label) {
  std::ifstream status(process / "status");
  for (std::string word; status >> word;) {
    if (word != label) continue;
    std::uint64_t kilobytes = 0;
    status >> kilobytes;
    return kilobytes;
  }
  return 0;
}

std::uint64_t disk_bytes(const std::string& directory) {
  std::uint64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    struct stat facts{};
    if (::lstat(entry.path().c_str(), &facts) == 0)
      bytes += static_cast<std::uint64_t>(facts.st_blocks) * 512;
  }
  return bytes;
}

std::uint64_t median(std::span<const Footprint> series, std::uint64_t Footprint::* member) {
  std::vector<std::uint64_t> values;
  for (const Footprint& footprint : series) values.push_back(footprint.*member);
  std::ranges::sort(values);
  return values.empty() ? 0 : values[values.size() / 2];
}

Footprint look_at(const crash_test::World& world, const fs::path& process) {
  Footprint footprint;
  footprint.anonymous_bytes = status_kilobytes(process, "RssAnon:") * 1024;
  for (const auto& entry : fs::directory_iterator(process / "fd")) {
    std::error_code closed;
    const bool table = fs::read_symlink(entry.path(), closed).extension() == ".sst";
    ++(table ? footprint.tables : footprint.descriptors);
  }
  footprint.threads = entries(process / "task");
  for (const crash_test::Loaded& database : world.loaded) {
    footprint.column_families +=
        crash_test::column_families_of(world.state() + "/databases/" + database.id.substr(3))
            .size();
  }
  return footprint;
}

}  // namespace

Footprint footprint_of(crash_test::World& world) {
  const fs::path process = fs::path("/proc") / std::to_string(world.agent().pid());
  Footprint least = look_at(world, process);
  for (int i = 0; i < looks; ++i) {
    std::this_thread::sleep_for(look_pause);
    const Footprint now = look_at(world, process);
    least.anonymous_bytes = std::min(least.anonymous_bytes, now.anonymous_bytes);
    least.descriptors = std::min(least.descriptors, now.descriptors);
    least.tables = std::min(least.tables, now.tables);
    least.threads = std::min(least.threads, now.threads);
    least.column_families = std::min(least.column_families, now.column_families);
  }
  least.state_bytes = disk_bytes(world.state());
  least.repository_bytes = disk_bytes(world.repository());
  least.operations = world.operations.size();
  return least;
}

std::string growth_in(const std::vector<Footprint>& series, bool bytes) {
  const std::size_t third = series.size() / 3;
  const std::span all(series);
  const auto last = all.last(third);
  const auto middle = all.subspan(series.size() - 2 * third, third);
  const std::uint64_t recorded =
      (median(last, &Footprint::operations) - median(middle, &Footprint::operations)) *
      bytes_per_operation;
  std::string text;
  const auto compare = [&](const char* name, std::uint64_t Footprint::* member, std::uint64_t part,
                           std::uint64_t more) {
    const std::uint64_t before = median(middle, member);
    const std::uint64_t now = median(last, member);
    if (now <= before + before * part / 100 + more) return;
    text += std::string(name) + " grew from " + std::to_string(before) + " to " +
            std::to_string(now) + "\n";
  };
  compare("descriptors", &Footprint::descriptors, 0, 4);
  compare("threads", &Footprint::threads, 0, 2);
  compare("column families", &Footprint::column_families, 0, 0);
  if (!bytes) return text;
  compare("table files", &Footprint::tables, 10, 8);
  compare("memory", &Footprint::anonymous_bytes, 5, recorded);
  // Logs are held until a column family that seldom changes is flushed: a saw.
  compare("the state directory", &Footprint::state_bytes, 30, recorded);
  // What a collection will take waits for it: a saw too.
  compare("the repository", &Footprint::repository_bytes, 10, uncollected_bytes);
  return text;
}

}  // namespace restored::soak_test
