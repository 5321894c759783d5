#include "progress.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "fields.h"

namespace restored::ctl {
namespace {

constexpr std::chrono::seconds plain_line_every{5};
constexpr std::size_t columns_default = 80;

std::size_t terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return columns_default;
  return size.ws_col;
}

double share(const boost::json::value& operation) {
  const auto total = bytes(operation, "bytesTotal");
  if (total == 0) return 0;
  return std::min(1.0,
                  static_cast<double>(bytes(operation, "bytesDone")) / static_cast<double>(total));
}

std::string pace(const boost::json::value& operation) {
  std::string words;
  if (const auto rate = number(operation, "bytesPerSecond"); rate && *rate > 0) {
    words += ", " + rate_text(*rate);
  }
  if (const auto left = number(operation, "etaSeconds")) {
    words += ", " + seconds_text(*left) + " left";
  }
  if (const auto waits = wait_words(operation); !waits.empty()) words += ", " + waits;
  return words;
}

std::string amount(const boost::json::value& operation) {
  const auto total = bytes(operation, "bytesTotal");
  if (total == 0) return "";
  return fmt::format("{} of {}", bytes_text(bytes(operation, "bytesDone")), bytes_text(total));
}

}  // namespace

std::string progress_line(const boost::json::value& operation) {
  std::string line = fmt::format("{:<9}", text(operation, "phase"));
  if (const auto done = amount(operation); !done.empty()) {
    line += fmt::format("{} ({:.0f} %)", done, share(operation) * 100);
    return line + pace(operation);
  }
  // Nothing stands before the first comma.
  const std::string words = pace(operation);
  return line + (words.starts_with(", ") ? words.substr(2) : words);
}

std::string progress_bar(const boost::json::value& operation, std::size_t columns) {
  const std::string head = fmt::format("{:<9}", text(operation, "phase"));
  const std::string done = amount(operation);
  std::string tail = fmt::format(" {:3.0f} %  {}{}", share(operation) * 100, done, pace(operation));
  // One column stays free: a full line would make some terminals scroll.
  const std::size_t used = head.size() + tail.size() + 3;
  if (used + 10 > columns) return (head + tail).substr(0, columns > 0 ? columns - 1 : 0);
  const std::size_t room = std::min<std::size_t>(columns - used, 40);
  const auto filled = static_cast<std::size_t>(share(operation) * static_cast<double>(room));
  return fmt::format("{}[{}{}]{}", head, std::string(filled, '='), std::string(room - filled, ' '),
                     tail);
}

Progress::Progress(bool silent)
    : terminal_(isatty(STDERR_FILENO) != 0), silent_(silent && !terminal_) {}

void Progress::show(const boost::json::value& operation) {
  if (silent_) return;
  if (terminal_) {
    draw(progress_bar(operation, terminal_columns()));
    return;
  }
  const auto now = std::chrono::steady_clock::now();
  const std::string phase = text(operation, "phase");
  if (phase == phase_ && now - said_ < plain_line_every) return;
  phase_ = phase;
  said_ = now;
  fmt::print(stderr, "{}\n", progress_line(operation));
}

void Progress::note(const std::string& sentence) {
  if (silent_) return;
  clear();
  fmt::print(stderr, "{}\n", sentence);
}

void Progress::clear() {
  if (!drawn_) return;
  draw("");
  drawn_ = false;
}

void Progress::draw(const std::string& line) {
  // Return to the line's begin and erase it: bars of different lengths leave nothing behind.
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  drawn_ = true;
}

}  // namespace restored::ctl
