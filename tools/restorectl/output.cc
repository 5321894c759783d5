#include "output.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>

#include "base/check.h"
#include "fields.h"

namespace restored::ctl {
namespace {

// Code points, not bytes: names may be in any script. Good enough for alignment.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t columns) {
  const std::size_t used = width(text);
  return used < columns ? text + std::string(columns - used, ' ') : text;
}

void print_row(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t column = 0; column < cells.size(); ++column) {
    const bool last = column + 1 == cells.size();
    line += last ? cells[column] : padded(cells[column], widths[column] + 2);
  }
  print_line(line);
}

}  // namespace

void Table::add(std::vector<std::string> cells) {
  RESTORED_CHECK(cells.size() == heads_.size(), "a row has as many cells as the table has heads");
  for (auto& cell : cells) cell = cell.empty() ? "-" : printable(cell);
  rows_.push_back(std::move(cells));
}

void Table::print(std::string_view none) const {
  if (rows_.empty()) {
    print_line(none);
    return;
  }
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < heads_.size(); ++column) {
    std::size_t widest = width(heads_[column]);
    for (const auto& row : rows_) widest = std::max(widest, width(row[column]));
    widths.push_back(widest);
  }
  print_row(heads_, widths);
  for (const auto& row : rows_) print_row(row, widths);
}

void print_line(std::string_view line) {
  fmt::print(stdout, "{}\n", line);
}

void print_fields(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::size_t widest = 0;
  for (const auto& [name, value] : fields) {
    if (!value.empty()) widest = std::max(widest, width(name));
  }
  for (const auto& [name, value] : fields) {
    if (!value.empty()) print_line(padded(name, widest + 2) + printable(value));
  }
}

}  // namespace restored::ctl
