#include "cuts.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "simulated_disk/random.h"
#include "simulated_host.h"

namespace restored::test {
namespace {

std::string_view name(Survival survival) {
  constexpr std::array<std::string_view, 4> names = {"nothing", "everything", "in order", "any"};
  return names[static_cast<std::size_t>(survival)];
}

constexpr std::array kinds = {Survival::nothing, Survival::any, Survival::in_order,
                              Survival::everything};

}  // namespace

std::string described(const Cut& cut) {
  if (cut.killed)
    return fmt::format("killed before changing call {} ({}), while {}", cut.call, cut.place,
                       cut.expected.doing);
  return fmt::format(
      "cut before changing call {} ({}), while {}; what was not synced survives: {}{}, "
      "seed {}",
      cut.call, cut.place, cut.expected.doing, name(cut.survival),
      cut.repository_too ? "" : ", the repository lost nothing", cut.seed);
}

CutTaker::CutTaker(SimulatedDisk& disk, const Diary& diary, CutPlan plan)
    : disk_(disk), diary_(diary), plan_(std::move(plan)) {
  disk_.plan().before_each([this](DiskCall call, const std::string& path) { before(call, path); });
}

CutTaker::~CutTaker() {
  disk_.plan().before_each(nullptr);
}

std::uint64_t CutTaker::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::vector<Cut> CutTaker::take() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  return std::exchange(cuts_, {});
}

void CutTaker::before(DiskCall call, const std::string& path) {
  if (!changing_calls.holds(call)) return;
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  const std::uint64_t number = ++calls_;
  const unsigned times = plan_.times(number);
  for (unsigned time = 0; time < times; ++time) {
    Choices choices(plan_.seed * 1'000'003 + number * 31 + time);
    Cut cut;
    cut.call = number;
    cut.place = fmt::format("{} {}", test::name(call), path);
    cut.survival = kinds[(number + time) % kinds.size()];
    cut.repository_too = choices.below(4) != 0;
    cut.seed = choices.next();
    cut.killed = plan_.kills;
    SimulatedDisk::Below below;
    if (!cut.repository_too)
      below.emplace(SimulatedHost::repository_directory, Survival::everything);
    diary_.hold([&](const Expected& expected) {
      cut.expected = expected;
      cut.left =
          cut.killed ? disk_.process_death() : disk_.power_cut(cut.survival, cut.seed, below);
    });
    cuts_.push_back(std::move(cut));
  }
}

}  // namespace restored::test
