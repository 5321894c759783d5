// ERRORS.md is the table of error codes, for people.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "control/answers.h"
#include "support/temporary_directory.h"

namespace restored::control {
namespace {

constexpr ErrorCode all_codes[] = {
#define RESTORED_ERROR(name, number, wire, http, exit, retry, hint) ErrorCode::name,
#include "restored/error_codes.def"
#undef RESTORED_ERROR
};

constexpr std::string_view head =
    "# Errors\n"
    "\n"
    "Every error that restored and restorectl report, made from "
    "`include/restored/error_codes.def`.\n"
    "A message tells what happened, with names and numbers; programs branch on the code.\n"
    "\n"
    "- **code**: `error.code` below `/v1`, `code` of a problem (RFC 9457), and what `restorectl "
    "--json`\n"
    "  prints. A code may stand in several rows that ask for the same from a program. Below `/v2` "
    "an\n"
    "  error is `{\"error\": text}`, the message and the hint, as that contract has it: there the "
    "status\n"
    "  is all that a program sees.\n"
    "- **name**, **number**: in the log and in stored records; never used again for another one.\n"
    "- **/v1**, **/v2**: the HTTP status there.\n"
    "- **retry**: the same request may succeed later though nobody changes anything; a 409, 429 or "
    "503\n"
    "  then has `Retry-After`.\n"
    "- **exit**: the exit status of restorectl.\n"
    "- **hint**: the next step, where the error has no better one of its own.\n"
    "\n"
    "| code | name | number | /v1 | /v2 | retry | exit | hint |\n"
    "|---|---|---|---|---|---|---|---|\n";

std::string expected_document() {
  std::string text(head);
  for (const ErrorCode code : all_codes) {
    const ErrorFacts& row = facts(code);
    EXPECT_EQ(row.hint.find('|'), std::string_view::npos) << "it would end the table's cell";
    text += fmt::format("| `{}` | {} | {} | {} | {} | {} | {} | {} |\n", row.wire, row.name,
                        static_cast<unsigned>(code), row.http_status, second_status(code),
                        row.retry ? "yes" : "no", row.exit_status, row.hint);
  }
  return text;
}

TEST(ErrorDocumentTest, TheDocumentIsTheTable) {
  const std::string expected = expected_document();
  if (std::getenv("RESTORED_UPDATE") != nullptr) test::write_file(ERROR_TABLE, expected);
  EXPECT_EQ(test::read_whole_file(ERROR_TABLE), expected)
      << "run this test with RESTORED_UPDATE=1 to write agent/control/ERRORS.md anew:\n"
         "  RESTORED_UPDATE=1 build/tests/control_words_test --gtest_filter=ErrorDocumentTest.*";
}

TEST(ErrorDocumentTest, RowsOfOneCodeAskForTheSame) {
  for (const ErrorCode left : all_codes) {
    for (const ErrorCode right : all_codes) {
      if (facts(left).wire != facts(right).wire) continue;
      EXPECT_EQ(facts(left).retry, facts(right).retry) << facts(left).wire;
      EXPECT_EQ(facts(left).exit_status, facts(right).exit_status) << facts(left).wire;
    }
  }
}

}  // namespace
}  // namespace restored::control
