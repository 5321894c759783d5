// What people read: aligned tables and fields on standard output.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace restored::ctl {

class Table {
 public:
  explicit Table(std::vector<std::string> heads) : heads_(std::move(heads)) {}
  // REQUIRES: as many cells as heads. Empty cells are shown as "-".
  void add(std::vector<std::string> cells);
  // `none` is the sentence for a table without rows.
  void print(std::string_view none) const;

 private:
  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
};

void print_line(std::string_view line);
// "name  value", the values below each other; empty ones are left out.
void print_fields(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace restored::ctl
