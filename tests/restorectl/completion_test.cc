// Completion and the manual: read by those who will read them, a shell and a formatter.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "program_run.h"
#include "scripted_agent.h"
#include "support/shell.h"
#include "support/temporary_directory.h"

namespace restored::ctl_test {
namespace {

using test::shell;
using test::Shown;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

Reply lists(const Request& request) {
  constexpr const char* end = R"(,"pagination":{"nextCursor":null,"hasMore":false}})";
  if (request.target.starts_with("/v1/databases")) {
    return {200,
            std::string(R"({"data":[{"id":"db_one","name":"shop"},)") +
                R"({"id":"db_two","name":"two words"}])" + end,
            {}};
  }
  return {200,
          std::string(
              R"({"data":[{"id":"op1","kind":"backup","status":"succeeded","backupId":"b1"},)") +
              R"({"id":"op2","kind":"backup","status":"failed","backupId":"b2"},)" +
              R"({"id":"op3","kind":"restore","status":"succeeded","backupId":"b3"}])" + end,
          {}};
}

class CompletionTest : public testing::Test {
 protected:
  CompletionTest() : agent_(lists) {
    const Ended ended = run({"completion", "bash"});
    EXPECT_EQ(ended.status, 0) << ended.errors;
    test::write_file(place_.file("script"), ended.output);
  }

  // What bash would offer when TAB is pressed behind these words, the last of them unfinished.
  std::vector<std::string> offered(const std::vector<std::string>& words) {
    std::string line = "COMP_WORDS=(restorectl";
    for (const std::string& word : words) line += " '" + word + "'";
    line += "); COMP_CWORD=" + std::to_string(words.size());
    const std::string directory = std::filesystem::path(RESTORECTL_BINARY).parent_path();
    test::write_file(place_.file("ask"), "PATH='" + directory + "':\"$PATH\"\n. '" +
                                             place_.file("script") + "'\n" + line +
                                             "\n_restorectl\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
    const Shown shown = shell("RESTORED_CONTROL='" + agent_.control() + "' RESTORED_TOKEN_FILE='" +
                              agent_.token_file() + "' bash --norc '" + place_.file("ask") + "'");
    EXPECT_EQ(shown.status, 0) << shown.text;
    std::vector<std::string> found;
    std::istringstream text(shown.text);
    for (std::string word; text >> word;) found.push_back(word);
    return found;
  }

  const ScriptedAgent agent_;
  const test::TemporaryDirectory place_;
};

TEST_F(CompletionTest, OffersTheVerbsThatThereAre) {
  EXPECT_THAT(offered({"da"}), ElementsAre("database"));
  EXPECT_THAT(offered({"database", ""}), Contains("delete"));
  EXPECT_THAT(offered({"--json", "operation", "wa"}), Contains("wait"));
  EXPECT_THAT(offered({"nonsense", "da"}), ElementsAre("database")) << "as if it were not there";
}

TEST_F(CompletionTest, OffersTheOptionsOfAVerbAndOfTheWhole) {
  const auto options = offered({"operation", "wait", "--"});
  EXPECT_THAT(options, Contains("--timeout"));
  EXPECT_THAT(options, Contains("--control"));
  EXPECT_THAT(options, Not(Contains("--deep")));
  EXPECT_THAT(offered({"operation", "wait", "--timeout", ""}), IsEmpty()) << "a value, not a word";
  EXPECT_THAT(offered({"--control", "database", "da"}), ElementsAre("database"))
      << "what follows an option is its value";
}

TEST_F(CompletionTest, OffersWhatTheAgentHas) {
  const auto databases = offered({"database", "show", ""});
  EXPECT_THAT(databases, Contains("db_one"));
  EXPECT_THAT(databases, Contains("shop"));
  EXPECT_THAT(databases, Contains("db_two"));
  EXPECT_THAT(databases, Not(Contains("two"))) << "a name of two words is none for a shell";
  EXPECT_THAT(offered({"operation", "wait", "op"}), ElementsAre("op1", "op2", "op3"));
  EXPECT_THAT(offered({"backup", "show", "b"}), ElementsAre("b1")) << "the complete ones";
}

TEST_F(CompletionTest, ZshReadsTheSame) {
  const Ended ended = run({"completion", "zsh"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  EXPECT_THAT(ended.output, HasSubstr("bashcompinit"));
  EXPECT_EQ(run({"completion", "fish"}).status, 64);
  EXPECT_EQ(run({"completion"}).status, 64);
}

TEST(ManualTest, IsSoundAndKnowsEveryVerb) {
  const Ended ended = run({"manual"});
  ASSERT_EQ(ended.status, 0) << ended.errors;
  const test::TemporaryDirectory place;
  test::write_file(place.file("restorectl.1"), ended.output);
  // A page that is the same whenever it is printed has no date.
  const Shown lint = shell("mandoc -T lint -W warning '" + place.file("restorectl.1") +
                           "' | grep -v 'missing date'");
  EXPECT_EQ(lint.text, "");
  const Shown page =
      shell("mandoc -T ascii '" + place.file("restorectl.1") + "' | sed 's/.\x08//g'");
  for (const char* part : {"database create", "backup verify", "operation wait", "--token-file",
                           "RESTORED_CONTROL", "EXIT STATUS", "Example:"}) {
    EXPECT_THAT(page.text, HasSubstr(part));
  }
}

}  // namespace
}  // namespace restored::ctl_test
