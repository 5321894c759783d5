#include "sync_classes.h"

#include <algorithm>
#include <string_view>

#include "simulated_host.h"

namespace restored::test {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// An id, a number or a random name becomes a star; its ending stays.
std::string general(std::string_view name) {
  if (name.empty()) return "";
  if (name.starts_with("MANIFEST-")) return "MANIFEST-*";
  if (name.starts_with("OPTIONS-")) return "OPTIONS-*";
  if (name.starts_with('.') && name.ends_with(".tmp") && name != ".tmp") return ".*.tmp";
  const std::size_t dot = std::min(name.find('.'), name.size());
  if (std::ranges::all_of(name.substr(0, dot), is_digit))
    return "*" + std::string(name.substr(dot));
  const bool is_id = name.size() >= 20 && name.find('-') == std::string_view::npos;
  const bool is_hash = name.size() == 2;
  return is_id || is_hash ? "*" : std::string(name);
}

std::string general_path(std::string_view path) {
  std::string text;
  for (const std::string_view part : path_parts(path))
    text.append(text.empty() ? "" : "/").append(general(part));
  return text.empty() ? "." : text;
}

}  // namespace

std::string sync_class(DiskCall call, const std::string& path, const std::string& after) {
  const std::string_view state = SimulatedHost::state_directory;
  const std::string_view repository = SimulatedHost::repository_directory;
  std::string text(name(call));
  if (path.starts_with(state)) {
    text += " state: " + general_path(std::string_view(path).substr(state.size()));
  } else if (path.starts_with(repository)) {
    text += " repository: " + general_path(std::string_view(path).substr(repository.size()));
  } else {
    text += " above: " + general_path(path);
  }
  if (call != DiskCall::sync_directory) return text;
  const std::size_t space = after.find(' ');
  if (space == std::string::npos) return text + " after nothing";
  return text + " after " + after.substr(0, space + 1) + general(after.substr(space + 1));
}

}  // namespace restored::test
