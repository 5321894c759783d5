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
  boost::json::object json{{"store_read_seconds", ceilings.store_read_seconds},
                           {"decode_seconds", ceilings.decode_seconds},
                           {"device_write_seconds", ceilings.device_write_seconds},
                           {"slowest", ceilings.slowest_name()},
                           {"slowest_seconds", ceilings.slowest_seconds()}};
  if (ceilings.download_threads > 0) json["download_threads"] = ceilings.download_threads;
  if (ceilings.read_and_write_seconds) {
    json["read_and_write_seconds"] = *ceilings.read_and_write_seconds;
  }
  if (ceilings.all_at_once_seconds) json["all_at_once_seconds"] = *ceilings.all_at_once_seconds;
  return json;
}

boost::json::object to_json(const Cost& cost) {
  return {{"seconds", cost.seconds},
          {"cpu_seconds", cost.cpu_seconds},
          {"cycles", cost.cycles},
          {"machine_busy_cores", cost.machine_busy},
          {"machine_stolen_cores", cost.machine_stolen}};
}

void print_cost(const Cost& cost, std::uint64_t bytes) {
  fmt::print("    CPU {:.2f} s, {:.3f} cycles a byte; cores of the machine busy {:.2f}",
             cost.cpu_seconds, cost.cycles / static_cast<double>(bytes), cost.machine_busy);
  if (cost.machine_stolen >= 0.01) fmt::print(", stolen {:.2f}", cost.machine_stolen);
  fmt::print("\n");
}

void print_medians(const std::vector<double>& seconds, const std::vector<double>& efficiencies,
                   const std::vector<double>& of_all_at_once) {
  fmt::print("median of {}: {:.3f} s, efficiency {:.3f} (least {:.3f})", seconds.size(),
             median(seconds), median(efficiencies), std::ranges::min(efficiencies));
  if (!of_all_at_once.empty()) {
    fmt::print(", of all three at once {:.3f} (least {:.3f})", median(of_all_at_once),
               std::ranges::min(of_all_at_once));
  }
  fmt::print("\n");
}

int report_error(const Error& error) {
  fmt::print(stderr, "restore-bench: {}\n", error.message);
  if (!error.hint_text().empty()) fmt::print(stderr, "hint: {}\n", error.hint_text());
  return facts(error.code).exit_status;
}

void print_rate(const char* name, double seconds, std::uint64_t bytes) {
  fmt::print("  {:<28} {:8.3f} s  {:8.1f} MB/s\n", name, seconds,
             seconds > 0 ? static_cast<double>(bytes) / 1e6 / seconds : 0.0);
}

void print_ceilings(const Ceilings& ceilings, std::uint64_t bytes) {
  if (ceilings.download_threads > 0) {
    const auto name = fmt::format("ceiling: download, {} threads", ceilings.download_threads);
    print_rate(name.c_str(), ceilings.store_read_seconds, bytes);
  } else {
    print_rate("ceiling: store read", ceilings.store_read_seconds, bytes);
  }
  print_rate("ceiling: decode, all cores", ceilings.decode_seconds, bytes);
  print_rate("ceiling: device write", ceilings.device_write_seconds, bytes);
  if (ceilings.read_and_write_seconds) {
    print_rate("ceiling: read and write", *ceilings.read_and_write_seconds, bytes);
  }
  if (ceilings.all_at_once_seconds) {
    print_rate("these three at once", *ceilings.all_at_once_seconds, bytes);
  }
}

void print_efficiency(const Ceilings& ceilings, double seconds) {
  fmt::print("  {:<28} {:8.3f}    (slowest: {})\n", "efficiency",
             ceilings.slowest_seconds() / seconds, ceilings.slowest_name());
  if (ceilings.all_at_once_seconds) {
    fmt::print("  {:<28} {:8.3f}\n", "of these three at once",
               *ceilings.all_at_once_seconds / seconds);
  }
}

}  // namespace restored::bench
