// A running operation on standard error: a bar that is drawn over itself on a terminal, else a
// plain line at each change of phase and every few seconds.
#pragma once

#include <boost/json/value.hpp>
#include <chrono>
#include <string>

namespace restored::ctl {

class Progress {
 public:
  // Silent: nothing is shown, as --json without a terminal wants it.
  explicit Progress(bool silent);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const boost::json::value& operation);
  // A sentence that stays, above the bar.
  void note(const std::string& sentence);
  // Takes the bar away.
  void clear();

 private:
  void draw(const std::string& line);

  bool terminal_;
  bool silent_;
  bool drawn_ = false;
  std::string phase_;
  std::chrono::steady_clock::time_point said_{};
};

// "fetch   1.2 GiB of 2.7 GiB (45 %), 310.0 MiB/s, 5 s left"
std::string progress_line(const boost::json::value& operation);
// The same as a bar of at most `columns` columns.
std::string progress_bar(const boost::json::value& operation, std::size_t columns);

}  // namespace restored::ctl
