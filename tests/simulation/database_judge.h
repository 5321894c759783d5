// One database's part of the judgement (judge.h): its registers, and which generation was live
// when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ledger.h"

namespace restored::simulation {

struct Span {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

class DatabaseJudge {
 public:
  // REQUIRES: both live as long as this.
  DatabaseJudge(const Ledger& ledger, std::size_t database, std::vector<std::string>& problems);
  DatabaseJudge(DatabaseJudge&&) noexcept;
  ~DatabaseJudge();

  // Once, before the questions.
  void judge();
  // What a generation held when the swap, or the making of the database, made it live; nothing:
  // nobody knows.
  std::optional<std::uint64_t> began_with(const Event& made) const;
  // Whether that content can have been live once in that time.
  bool was_live(std::uint64_t tag, const Span& during) const;

 private:
  class Work;
  std::unique_ptr<Work> work_;
};

}  // namespace restored::simulation
