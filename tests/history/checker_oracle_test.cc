// Seeded histories of a simulated database, whole and damaged: what is right is accepted, what is
// surely wrong is refused, and of what may be either the slow judge says the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <random>

#include "checker.h"
#include "made_history.h"

namespace restored::history {
namespace {

using Role = Operation::Role;
using Random = std::mt19937_64;

std::uint64_t seeds(std::uint64_t usual) {
  const char* many = std::getenv("RESTORED_TEST_LONG");
  return many != nullptr && std::atoi(many) > 0 ? 20 * usual : usual;
}

std::string text(const History& history) {
  std::string text;
  for (const auto& [key, value] : history.initial) text += key + "=" + value + " ";
  for (const Operation& operation : history.operations) text += "\n" + print(operation);
  for (const Swap& swap : history.swaps) {
    text += "\n" + swap.name + " [" + std::to_string(swap.invoked) + ".." +
            std::to_string(swap.returned) + "]";
    for (const auto& [key, value] : swap.content) text += " " + key + "=" + value;
  }
  return text;
}

TEST(CheckerOracleTest, EveryRightHistoryIsAccepted) {
  for (std::uint64_t seed = 1; seed <= seeds(8); ++seed) {
    const History history = simulate({.seed = seed, .operations = 800});
    const Verdict verdict = check(history);
    ASSERT_TRUE(verdict.explained()) << "seed " << seed << ": " << verdict.message;
  }
}

Simulation handful(std::uint64_t seed) {
  Simulation simulation;
  simulation.seed = seed;
  simulation.clients = 3;
  simulation.operations = 7;
  simulation.swaps = seed % 3;
  simulation.registers = 1 + seed % 2;
  simulation.flags = 1;
  simulation.counters = 1;
  return simulation;
}

// Another answer that this step might have had, or another time.
void damage(History& history, Random& random) {
  Operation& operation = history.operations[random() % history.operations.size()];
  const bool refusals = std::ranges::any_of(
      history.operations, [](const Operation& some) { return some.role == Role::aborted; });
  if (operation.steps.empty() || random() % 4 == 0) {
    if (refusals || !operation.answered()) return;
    const auto shift = static_cast<Moment>(random() % 15);
    operation.invoked += shift;
    operation.returned += shift;
    for (Operation& later : history.operations) {
      if (later.client != operation.client || later.index <= operation.index) continue;
      later.invoked += shift;
      if (later.answered()) later.returned += shift;
    }
    return;
  }
  Step& step = operation.steps[random() % operation.steps.size()];
  const Operation& other = history.operations[random() % history.operations.size()];
  if (!operation.answered()) return;
  switch (step.kind) {
    case Step::Kind::read:
    case Step::Kind::remove: {
      step.answer.reset();
      const auto initial = history.initial.find(step.key);
      if (random() % 3 == 0 && initial != history.initial.end()) step.answer = initial->second;
      for (const Step& written : other.steps) {
        if (written.key == step.key && !written.written.empty()) step.answer = written.written;
      }
      return;
    }
    case Step::Kind::write_if_absent:
      step.answer = step.answer ? Value() : Value("OK");
      return;
    case Step::Kind::increment:
    case Step::Kind::count:
      step.answer = std::to_string(std::max(1, std::stoi(*step.answer) + (random() % 2 ? 1 : -1)));
      return;
    case Step::Kind::write:
    case Step::Kind::present:
      if (!operation.keys.empty()) operation.keys.pop_back();
      return;
  }
}

TEST(CheckerOracleTest, TheSlowJudgeSaysTheSameOfDamagedHistories) {
  std::uint64_t right = 0;
  std::uint64_t wrong = 0;
  for (std::uint64_t seed = 1; seed <= seeds(1'500); ++seed) {
    History history = simulate(handful(seed));
    Random random(seed);
    for (std::uint64_t i = 0; i < seed % 3; ++i) damage(history, random);
    const Verdict verdict = check(history);
    const bool explained = some_order_explains(history);
    ASSERT_NE(verdict.kind, Verdict::Kind::undecided) << "seed " << seed;
    ASSERT_EQ(verdict.explained(), explained) << "seed " << seed << "\n"
                                              << text(history) << "\n"
                                              << verdict.message;
    ++(explained ? right : wrong);
  }
  EXPECT_GT(right, seeds(1'500) / 4);
  EXPECT_GT(wrong, seeds(1'500) / 20) << "both kinds are compared";
}

// Damage to a big history that no order explains, whatever the rest is. False: there was no place.
using Damage = std::function<bool(History&, Random&)>;

// Calls `change` with the steps of this kind from a random one on, until it was done.
bool change_some(History& history, Random& random, Step::Kind kind,
                 const std::function<bool(Operation&, Step&)>& change) {
  const std::size_t count = history.operations.size();
  const std::size_t first = random() % count;
  for (std::size_t i = 0; i < count; ++i) {
    Operation& operation = history.operations[(first + i) % count];
    if (!operation.answered()) continue;
    for (Step& step : operation.steps) {
      if (step.kind == kind && change(operation, step)) return true;
    }
  }
  return false;
}

bool read_from_nowhere(History& history, Random& random) {
  return change_some(history, random, Step::Kind::read, [](Operation&, Step& step) {
    step.answer = "nobody wrote this";
    return true;
  });
}

bool read_from_the_future(History& history, Random& random) {
  return change_some(history, random, Step::Kind::read, [&](Operation& reader, Step& step) {
    for (const Operation& writer : history.operations) {
      for (const Step& written : writer.steps) {
        if (written.kind != Step::Kind::write || written.key != step.key) continue;
        if (writer.invoked <= reader.returned) continue;
        step.answer = written.written;
        return true;
      }
    }
    return false;
  });
}

// Twice the number that another INCR of the same key in the same generation was told: only without
// swaps is that certain.
bool repeat_a_number(History& history, Random& random) {
  return change_some(history, random, Step::Kind::increment, [&](Operation& operation, Step& step) {
    for (const Operation& other : history.operations) {
      if (&other == &operation || !other.answered()) continue;
      for (const Step& told : other.steps) {
        if (told.kind != Step::Kind::increment || told.key != step.key) continue;
        if (told.answer == step.answer) continue;
        step.answer = told.answer;
        return true;
      }
    }
    return false;
  });
}

bool remove_twice(History& history, Random& random) {
  return change_some(history, random, Step::Kind::remove, [&](Operation& operation, Step& step) {
    if (!step.answer) return false;
    Operation again = operation;
    again.client = 1'000;
    again.index = 0;
    again.invoked = operation.returned + 1;
    again.returned = again.invoked + 1;
    again.role = Role::command;
    again.steps = {step};
    history.operations.push_back(again);
    return true;
  });
}

// Of a value that surely had been overwritten before: by a write that began after the value's own
// write had ended, and ended before the read began.
bool read_overwritten(History& history, Random& random) {
  return change_some(history, random, Step::Kind::read, [&](Operation& reader, Step& step) {
    const Operation* newest = nullptr;
    for (const Operation& writer : history.operations) {
      if (!writer.answered() || writer.returned >= reader.invoked) continue;
      for (const Step& written : writer.steps) {
        if (written.kind != Step::Kind::write || written.key != step.key) continue;
        if (newest == nullptr || writer.invoked > newest->invoked) newest = &writer;
      }
    }
    if (newest == nullptr) return false;
    for (const Operation& writer : history.operations) {
      if (!writer.answered() || writer.returned >= newest->invoked) continue;
      for (const Step& written : writer.steps) {
        if (written.kind != Step::Kind::write || written.key != step.key) continue;
        step.answer = written.written;
        return true;
      }
    }
    return false;
  });
}

void expect_all_refused(const std::string& name, const Damage& damage, std::size_t swaps) {
  std::uint64_t damaged = 0;
  for (std::uint64_t seed = 1; seed <= seeds(6); ++seed) {
    History history = simulate({.seed = seed, .operations = 600, .swaps = swaps});
    Random random(seed);
    if (!damage(history, random)) continue;
    ++damaged;
    const Verdict verdict = check(history);
    EXPECT_EQ(verdict.kind, Verdict::Kind::refused) << name << ", seed " << seed;
    EXPECT_NE(verdict.message.find("c"), std::string::npos);
  }
  EXPECT_GT(damaged, seeds(6) / 2) << name;
}

TEST(CheckerOracleTest, WhatIsSurelyWrongIsRefused) {
  expect_all_refused("a value from nowhere", read_from_nowhere, 4);
  expect_all_refused("a value of the future", read_from_the_future, 4);
  expect_all_refused("an overwritten value", read_overwritten, 0);
  expect_all_refused("a number twice", repeat_a_number, 0);
  expect_all_refused("a key removed twice", remove_twice, 0);
}

TEST(CheckerOracleTest, EverySwapThatIsTornIsRefused) {
  std::uint64_t torn = 0;
  for (std::uint64_t seed = 1; seed <= seeds(60); ++seed) {
    History history = simulate({.seed = seed, .operations = 600, .swaps = 1});
    // One key keeps what it held: as if it had not been part of the swap.
    Swap& swap = history.swaps[0];
    const std::string key = "r" + std::to_string(seed % 6);
    const auto seen = std::ranges::any_of(history.operations, [&](const Operation& operation) {
      return std::ranges::any_of(operation.steps, [&](const Step& step) {
        return step.kind == Step::Kind::read && step.key == key && step.answer &&
               swap.content.contains(key) && *step.answer == swap.content[key];
      });
    });
    if (!seen) continue;
    ++torn;
    swap.content[key] = "what nobody saw";
    const Verdict verdict = check(history);
    EXPECT_EQ(verdict.kind, Verdict::Kind::refused) << "seed " << seed;
  }
  EXPECT_GT(torn, 5u);
}

}  // namespace
}  // namespace restored::history
