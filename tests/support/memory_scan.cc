#include "support/memory_scan.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <string_view>

namespace restored::test {
namespace {

struct Mapping {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool readable = false;
  bool dumped = true;
  std::string name;
};

std::vector<Mapping> mappings_of(pid_t pid) {
  std::vector<Mapping> found;
  std::ifstream smaps("/proc/" + std::to_string(pid) + "/smaps");
  for (std::string line; std::getline(smaps, line);) {
    const auto dash = line.find('-');
    const auto space = line.find(' ');
    if (dash < space && line.find(':') > space) {
      Mapping& mapping = found.emplace_back();
      mapping.begin = std::stoull(line.substr(0, dash), nullptr, 16);
      mapping.end = std::stoull(line.substr(dash + 1, space - dash - 1), nullptr, 16);
      mapping.readable = line.at(space + 1) == 'r';
      mapping.name = line;
    } else if (line.starts_with("VmFlags:") && !found.empty()) {
      std::istringstream flags(line.substr(8));
      for (std::string flag; flags >> flag;) found.back().dumped &= flag != "dd";
    }
  }
  return found;
}

}  // namespace

std::vector<std::string> dumpable_places_of(const std::string& text, pid_t pid) {
  const int memory =
      ::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDONLY | O_CLOEXEC);
  if (memory < 0) return {"unreadable"};
  constexpr std::uint64_t step = 1 << 20;
  std::vector<std::string> places;
  std::string bytes(step + text.size(), '\0');
  for (const Mapping& mapping : mappings_of(pid)) {
    if (!mapping.readable || !mapping.dumped) continue;
    bool here = false;
    for (std::uint64_t at = mapping.begin; at < mapping.end && !here; at += step) {
      const auto wanted = std::min<std::uint64_t>(bytes.size(), mapping.end - at);
      const ssize_t got = ::pread(memory, bytes.data(), wanted, static_cast<off_t>(at));
      if (got <= 0) continue;  // never touched, or a device's
      here = std::string_view(bytes.data(), static_cast<std::size_t>(got)).find(text) !=
             std::string_view::npos;
    }
    if (here) places.push_back(mapping.name);
  }
  ::close(memory);
  return places;
}

}  // namespace restored::test
