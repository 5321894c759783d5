#include "report.h"

#include <fmt/core.h>

#include <algorithm>

#include "restored/units.h"

namespace restored::bench {

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

boost::json::object to_json(const Machine& machine) {
  return {{"processor", machine.processor},
          {"cores", machine.cores},
          {"memory_bytes", machine.memory_bytes},
          {"kernel", machine.kernel},
          {"file_system", machine.file_system}};
}

boost::json::object to_json(const Ceilings& ceilings) {
  return {{"store_read_seconds", ceilings.store_read_seconds},
          {"decode_seconds", ceilings.decode_seconds},
          {"device_write_seconds", ceilings.device_write_seconds},
          {"read_and_write_seconds", ceilings.read_and_write_seconds},
          {"shared_device", ceilings.shared_device},
          {"slowest", ceilings.slowest_name()},
          {"slowest_seconds", ceilings.slowest_seconds()}};
}

void print_rate(const char* name, double seconds, std::uint64_t bytes) {
  fmt::print("  {:<28} {:8.3f} s  {:8.1f} MB/s\n", name, seconds,
             seconds > 0 ? static_cast<double>(bytes) / 1e6 / seconds : 0.0);
}

void print_ceilings(const Ceilings& ceilings, std::uint64_t bytes) {
  print_rate("ceiling: store read", ceilings.store_read_seconds, bytes);
  print_rate("ceiling: decode, all cores", ceilings.decode_seconds, bytes);
  print_rate("ceiling: device write", ceilings.device_write_seconds, bytes);
  if (ceilings.shared_device) {
    print_rate("ceiling: read and write", ceilings.read_and_write_seconds, bytes);
  }
}

}  // namespace restored::bench
