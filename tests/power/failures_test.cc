// Each call that changes the disk, in order, fails: once, or from there on until the disk is
// relieved.
//
//   RESTORED_TEST_LONG=1   every call; else every 37th
//   RESTORED_SEED=20038    only this one, with the engine's log: what a failure prints
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/log.h"
#include "failing_scene.h"
#include "support/environment_number.h"

namespace restored::test {
namespace {

using Clock = std::chrono::steady_clock;

// Most of a walk is waiting for upkeep, which tries again each second.
constexpr std::size_t walks_at_once = 12;
constexpr std::uint64_t short_form_step = 37;
constexpr std::uint64_t slices = 6;  // of a job's calls in the long form
constexpr auto silence_max = std::chrono::minutes(4);
constexpr std::uint64_t calls_max = 10'000;  // of a job; for numbers

std::uint64_t number_of_failure(const Failure& failure) {
  const std::uint64_t job = static_cast<std::uint64_t>(failure.job) + 1;
  return ((job * 2 + (failure.error == EIO)) * 2 + failure.lasts) * calls_max + failure.nth;
}
Failure failure_of(std::uint64_t number) {
  const std::uint64_t which = number / calls_max;
  return {static_cast<Job>(which / 4 - 1), number % calls_max, which / 2 % 2 == 1 ? EIO : ENOSPC,
          which % 2 == 1};
}

// Failures of one kind at every so manieth call, in a process of its own: one may end it.
struct Walk {
  Failure next;
  std::uint64_t step = 1;
  pid_t process = -1;
  int output = -1;
  int log = -1;
  std::string said;  // since the last line
  Clock::time_point heard;
};

// Says each place before it goes there, and what it finds.
[[noreturn]] void walk(Failure failure, std::uint64_t step, int output, int log) {
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  const auto say = [&](const std::string& line) {
    RESTORED_CHECK(::write(output, (line + "\n").data(), line.size() + 1) ==
                       static_cast<ssize_t>(line.size() + 1),
                   "somebody listens");
  };
  const FailingScene scene;
  for (bool failed = true; failed; failure.nth += step) {
    say(fmt::format("at {}", failure.nth));
    const FailingScene::Outcome outcome = scene.run(failure);
    for (const std::string& finding : outcome.findings)
      say(fmt::format("found {} ({})", finding, outcome.place));
    failed = outcome.failed;
  }
  say("end");
  ::_exit(0);
}

void begin(Walk& one) {
  int ends[2];
  RESTORED_CHECK(::pipe2(ends, O_CLOEXEC) == 0, "a pipe can be made");
  one.log = ::memfd_create("log", MFD_CLOEXEC);
  RESTORED_CHECK(one.log >= 0, "a file can be made");
  one.process = ::fork();
  RESTORED_CHECK(one.process >= 0, "a process can be made");
  if (one.process == 0) walk(one.next, one.step, ends[1], one.log);
  ::close(ends[1]);
  one.output = ends[0];
  one.said.clear();
  one.heard = Clock::now();
}

// What its log ends with.
std::string last_words(const Walk& one) {
  std::string text(1000, ' ');
  const off_t size = ::lseek(one.log, 0, SEEK_END);
  const ssize_t count = ::pread(one.log, text.data(), text.size(), std::max<off_t>(0, size - 1000));
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, count)));
  return text;
}

std::string printed(const Failure& failure) {
  return fmt::format("{}; again: RESTORED_SEED={} build/tests/disk_failures_test",
                     described(failure), number_of_failure(failure));
}

class Walks {
 public:
  void add(const Failure& first, std::uint64_t step) {
    Walk& one = waiting_.emplace_back();
    one.next = first;
    one.step = step;
  }
  std::uint64_t places() const { return places_; }

  void run() {
    while (!waiting_.empty() || !going_.empty()) {
      while (going_.size() < walks_at_once && !waiting_.empty()) {
        going_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
        begin(going_.back());
      }
      listen();
    }
  }

 private:
  void listen() {
    std::vector<pollfd> outputs;
    for (const Walk& one : going_) outputs.push_back({one.output, POLLIN, 0});
    ::poll(outputs.data(), outputs.size(), 1000);
    for (std::size_t i = outputs.size(); i-- > 0;) {
      const bool silent = Clock::now() - going_[i].heard > silence_max;
      if ((outputs[i].revents == 0 && !silent) || (!silent && hear(going_[i]))) continue;
      end(going_[i], silent);
      going_.erase(going_.begin() + static_cast<std::ptrdiff_t>(i));
    }
  }

  // False: it has nothing more to say.
  bool hear(Walk& one) {
    char buffer[4096];
    const ssize_t count = ::read(one.output, buffer, sizeof buffer);
    if (count <= 0) return count < 0 && errno == EINTR;
    one.heard = Clock::now();
    one.said.append(buffer, static_cast<std::size_t>(count));
    for (std::size_t line_end = 0; (line_end = one.said.find('\n')) != std::string::npos;) {
      const std::string line = one.said.substr(0, line_end);
      one.said.erase(0, line_end + 1);
      if (line.starts_with("at ")) {
        one.next.nth = std::strtoull(line.c_str() + 3, nullptr, 10);
        ++places_;
      } else if (line.starts_with("found ")) {
        ADD_FAILURE() << line.substr(6) << "\n" << printed(one.next);
      } else if (line == "end") {
        --places_;  // where it found no such call any more
      }
    }
    return true;
  }

  void end(Walk& one, bool silent) {
    if (silent) ::kill(one.process, SIGKILL);
    ::close(one.output);
    int status = 0;
    ::waitpid(one.process, &status, 0);
    const std::string words = last_words(one);
    ::close(one.log);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    ADD_FAILURE() << (silent ? "it hangs" : fmt::format("it ends by status {}", status)) << "\n"
                  << printed(one.next) << "\n"
                  << words;
    Failure rest = one.next;
    rest.nth += one.step;
    add(rest, one.step);
  }

  std::deque<Walk> waiting_;
  std::vector<Walk> going_;
  std::uint64_t places_ = 0;
};

TEST(FailuresTest, LoseNothingAndLeaveNothing) {
  if (const std::uint64_t one = number_of("RESTORED_SEED"); one > 0) {
    const FailingScene::Outcome outcome = FailingScene().run(failure_of(one));
    for (const std::string& finding : outcome.findings) ADD_FAILURE() << finding;
    std::printf("%s: %s\n", described(failure_of(one)).c_str(), outcome.place.c_str());
    return;
  }
  const bool long_form = number_of("RESTORED_TEST_LONG") != 0;
  Walks walks;
  for (const Job job : {Job::restore, Job::open, Job::backup, Job::undo, Job::flush, Job::write}) {
    for (const int error : {EIO, ENOSPC}) {
      for (const bool lasts : {true, false}) {
        for (std::uint64_t slice = 1; slice <= (long_form ? slices : 1); ++slice)
          walks.add({job, slice, error, lasts}, long_form ? slices : short_form_step);
      }
    }
  }
  walks.run();
  std::printf("%llu places\n", static_cast<unsigned long long>(walks.places()));
  EXPECT_GT(walks.places(), 24u);
}

}  // namespace
}  // namespace restored::test
