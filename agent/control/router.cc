#include "control/router.h"

#include <algorithm>

#include "base/check.h"
#include "control/query.h"

namespace restored::control {
namespace {

std::vector<std::string_view> segments(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);  // the '/'
    const std::size_t end = path.find('/');
    parts.push_back(path.substr(0, end));
    path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  }
  return parts;
}

bool is_parameter(std::string_view segment) {
  return segment.starts_with('{');
}

// The parameters of `path` when it has the pattern's form.
std::optional<std::vector<std::pair<std::string_view, std::string>>> fit(
    std::string_view pattern, const std::vector<std::string_view>& path) {
  const std::vector<std::string_view> wanted = segments(pattern);
  if (wanted.size() != path.size()) return std::nullopt;
  std::vector<std::pair<std::string_view, std::string>> parameters;
  for (std::size_t index = 0; index < wanted.size(); ++index) {
    if (!is_parameter(wanted[index])) {
      if (wanted[index] != path[index]) return std::nullopt;
      continue;
    }
    std::optional<std::string> value = percent_decoded(path[index]);
    if (!value || value->empty()) return std::nullopt;
    parameters.emplace_back(wanted[index].substr(1, wanted[index].size() - 2), std::move(*value));
  }
  return parameters;
}

std::string joined(const std::vector<std::string_view>& methods) {
  std::string text;
  for (const std::string_view method : methods) {
    if (!text.empty()) text += ", ";
    text += method;
  }
  return text;
}

}  // namespace

Match match(std::span<const Route> table, std::string_view method, std::string_view path) {
  if (!path.starts_with('/')) return {};
  const std::vector<std::string_view> parts = segments(path);
  const std::string_view wanted = method == "HEAD" ? std::string_view("GET") : method;
  std::vector<std::string_view> allowed;
  for (const Route& route : table) {
    auto parameters = fit(route.pattern, parts);
    if (!parameters) continue;
    if (route.method == wanted) return Match{&route, std::move(*parameters), {}};
    allowed.push_back(route.method);
    if (route.method == "GET") allowed.push_back("HEAD");
  }
  std::sort(allowed.begin(), allowed.end());
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  return Match{nullptr, {}, joined(allowed)};
}

Surface surface_of(std::string_view path) {
  return path == "/v2" || path.starts_with("/v2/") ? Surface::second : Surface::first;
}

const std::string& Call::parameter(std::string_view name) const {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const auto& entry) { return entry.first == name; });
  RESTORED_CHECK(found != parameters.end(), "handlers ask for parameters of their own pattern");
  return found->second;
}

}  // namespace restored::control
