#include "runs.h"

#include <fmt/format.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

#include "next_process.h"

namespace restored::test {
namespace {

// Threading: judge_all's threads share it.
class Judging {
 public:
  Judging(const RunOptions& options, RunReport& report) : options_(options), report_(report) {}

  void judge_all(std::vector<Cut> cuts) {
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (std::size_t i = next++; i < cuts.size() && !enough(); i = next++) {
        judge_one(cuts[i], i);
        cuts[i].left.reset();
      }
    };
    const std::jthread second(work);
    work();
  }

 private:
  bool enough() const { return options_.until_first_finding && found_.load(); }

  void judge_one(Cut& cut, std::size_t index) {
    if (cut.killed) return judge_next_process(cut);
    const bool again = options_.recut_every != 0 && index % options_.recut_every == 0;
    if (!again) {
      const JudgeOptions judging{options_.deep, {}};
      return note(cut, judge(cut.expected, *cut.left, judging), "");
    }
    // What is told of the first cut holds for the second.
    Diary diary;
    diary.note([&](Expected& expected) { expected = cut.expected; });
    CutPlan plan;
    plan.seed = cut.seed;
    const std::uint64_t spacing = 7 + cut.seed % 40;
    const unsigned most = options_.recuts;
    plan.times = [spacing, most](std::uint64_t call) {
      return call % spacing == 1 && call / spacing < most ? 1U : 0U;
    };
    std::vector<Cut> second;
    {
      CutTaker taker(*cut.left, diary, std::move(plan));
      JudgeOptions judging{options_.deep, [&](Engine&) { second = taker.take(); }};
      note(cut, judge(cut.expected, *cut.left, judging), "");
    }
    for (Cut& each : second) {
      const JudgeOptions judging{options_.deep, {}};
      note(each, judge(each.expected, *each.left, judging), "; before: " + described(cut));
      each.left.reset();
    }
  }

  // What the next process tells holds, though what it tells of may be the dead one's work.
  void judge_next_process(Cut& cut) {
    std::vector<Cut> cuts;
    const auto live = [&](Engine& engine) { cuts = cuts_of_next_process(engine, cut); };
    note(cut, judge(cut.expected, *cut.left, {false, live}), "");
    for (Cut& each : cuts) {
      note(each, judge(each.expected, *each.left, {true, {}}), "; before: " + described(cut));
      each.left.reset();
    }
  }

  void note(const Cut& cut, std::vector<std::string> findings, const std::string& before) {
    const std::lock_guard lock(mutex_);
    ++(before.empty() ? report_.cuts : report_.recuts);
    for (const std::string& finding : findings) {
      found_.store(true);
      report_.findings.push_back(fmt::format("{}\n    {}{}", finding, described(cut), before));
    }
  }

  const RunOptions& options_;
  RunReport& report_;
  std::atomic<bool> found_ = false;
  std::mutex mutex_;
};

}  // namespace

RunReport run(const Scene& scene, const RunOptions& options) {
  RunReport report;
  Diary diary;
  const auto disk = begin(scene, diary);
  if (options.ignored_sync) disk->plan().ignore_syncs(options.ignored_sync);
  CutTaker taker(*disk, diary, options.cuts);
  run_workload(scene, *disk, diary);
  report.calls = taker.calls();
  Judging(options, report).judge_all(taker.take());
  return report;
}

}  // namespace restored::test
