// SIGKILL at every named place of the catalog: what is found afterwards is one whole content, old
// or new as SWAP.md says, twice, and nothing is left over.
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/kill_point.h"
#include "catalog_fixture.h"

namespace restored::catalog::test {
namespace {

namespace fs = std::filesystem;

class CrashTest : public CatalogTest {
 protected:
  void SetUp() override {
    fs::create_directory(path("root"));
    auto source = create("root/source");
    put_all(*source, new_);
    ASSERT_TRUE(source->close());
    auto database = create("root/db");
    put_all(*database, old_);
    ASSERT_TRUE(database->close());
  }

  struct Ending {
    bool killed = false;
    int status = -1;
    std::string output;
  };

  // Runs the crasher until it ends, or kills it after so many lines of output.
  Ending run(const std::string& what, const std::string& kill_point,
             std::size_t kill_after_lines = 0) {
    int out[2];
    EXPECT_EQ(pipe(out), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, out[0]);
    std::string program = CATALOG_CRASHER;
    std::string root = path("root");
    std::string argument = what;
    std::string variable = "RESTORED_KILL_POINT=" + kill_point;
    char* arguments[] = {program.data(), root.data(), argument.data(), nullptr};
    std::vector<char*> environment;
    for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
    if (!kill_point.empty()) environment.push_back(variable.data());
    environment.push_back(nullptr);
    pid_t pid = 0;
    EXPECT_EQ(posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments, environment.data()),
              0);
    posix_spawn_file_actions_destroy(&actions);
    close(out[1]);

    Ending ending;
    char buffer[4096];
    for (;;) {
      const ssize_t bytes = read(out[0], buffer, sizeof buffer);
      if (bytes <= 0) break;
      ending.output.append(buffer, static_cast<std::size_t>(bytes));
      const auto lines = static_cast<std::size_t>(std::ranges::count(ending.output, '\n'));
      if (kill_after_lines > 0 && lines >= kill_after_lines) {
        kill_after_lines = 0;
        EXPECT_EQ(kill(pid, SIGKILL), 0);
      }
    }
    close(out[0]);
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    ending.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    ending.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ending;
  }

  // Opens it twice; both times this content, and only what the catalog names.
  void expect_whole(const std::string& name, const Content& content) {
    for (int i = 0; i < 2; ++i) {
      auto database = open(name);
      ASSERT_NE(database, nullptr);
      EXPECT_EQ(content_of(*database), content) << "opening " << i;
      const CatalogState state = database->state();
      std::vector<std::string> families{"default", fmt::format("data-{}", state.live)};
      if (state.previous) families.push_back(fmt::format("data-{}", *state.previous));
      std::ranges::sort(families);
      ASSERT_TRUE(database->close());
      EXPECT_EQ(column_families(name), families);
    }
    // After the second closing nothing but files that a generation names.
    auto database = open(name);
    ASSERT_NE(database, nullptr);
    std::set<std::string> named;
    const auto files = database->local_files();
    ASSERT_TRUE(files);
    for (const LocalFile& file : *files) named.insert(file.facts.name);
    for (const std::string& file : sst_files(name)) {
      // The catalog's own column family has files, too: small ones.
      if (named.contains(file)) continue;
      EXPECT_LT(fs::file_size(path(name) + "/" + file), 4096u) << file << " belongs to nobody";
    }
    ASSERT_TRUE(database->close());
  }

  const Content& expected_after(std::string_view kill_point) const {
    static constexpr std::string_view order[] = {
        "catalog.swap.after-record",     "catalog.swap.after-publish",
        "catalog.undo.before-record",    "catalog.undo.after-record",
        "catalog.replace.before-record", "catalog.replace.after-record",
    };
    const auto at = std::ranges::find(order, kill_point) - std::begin(order);
    if (at < 3) return new_;
    if (at < 5) return old_;
    if (at < 6 || kill_point.starts_with("catalog.retire.")) return replaced_;
    return old_;
  }

  const Content old_ = made_content("old", 2000, 100, 1);
  const Content new_ = made_content("new", 1500, 100, 2);
  const Content replaced_{{raw_key("replaced"), raw_value("yes")}};
};

TEST_F(CrashTest, WithoutAKillTheWorkIsDone) {
  EXPECT_EQ(run("work", "").status, 0);
  expect_whole("root/db", replaced_);
}

class KillPointTest : public CrashTest, public ::testing::WithParamInterface<std::string_view> {};

TEST_P(KillPointTest, LeavesOneWholeContentAndNothingElse) {
  const std::string_view point = GetParam();
  if (point.starts_with("catalog.create.")) {
    ASSERT_TRUE(run("create", std::string(point)).killed);
    const bool made = point == "catalog.create.after-record";
    const auto again = Database::create(options("root/made"));
    EXPECT_EQ(again.has_value(), !made);
    if (again) {
      ASSERT_TRUE((*again)->close());
    } else {
      EXPECT_EQ(again.error().code, ErrorCode::file_exists);
    }
    expect_whole("root/made", {});
    return;
  }
  // The source is opened first.
  const bool opening = point.starts_with("catalog.open.");
  if (opening) {
    ASSERT_TRUE(run("work", "catalog.ingest.after-import").killed);
    fs::remove_all(path("root/staging"));
  }
  ASSERT_TRUE(run("work", std::string(point) + (opening ? ":2" : "")).killed) << point;
  expect_whole("root/db", expected_after(point));
  expect_whole("root/source", new_);

  // And it can go on from there.
  fs::remove_all(path("root/staging"));
  EXPECT_EQ(run("work", "").status, 0);
  expect_whole("root/db", replaced_);
}

std::vector<std::string_view> catalog_points() {
  std::vector<std::string_view> points;
  for (const std::string_view point : kill_points()) {
    if (point.starts_with("catalog.")) points.push_back(point);
  }
  return points;
}

INSTANTIATE_TEST_SUITE_P(Everywhere, KillPointTest, ::testing::ValuesIn(catalog_points()),
                         [](const auto& point) {
                           std::string name;
                           for (const char c : point.param) {
                             name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           }
                           return name;
                         });

TEST_F(CrashTest, KilledProcessLosesNoAcknowledgedWrite) {
  for (const std::size_t lines : {1u, 50u, 3000u}) {
    const Ending ending = run("write", "", lines);
    ASSERT_TRUE(ending.killed);
    const std::size_t end = ending.output.rfind('\n');
    const std::size_t begin = ending.output.rfind('\n', end - 1) + 1;
    const std::uint64_t acknowledged = std::stoull(ending.output.substr(begin, end - begin));
    auto database = open("root/db");
    const auto found = database->pin()->get(raw_key("acknowledged"));
    ASSERT_TRUE(found && *found);
    const std::uint64_t kept = std::stoull((*found)->substr(1));
    EXPECT_GE(kept, acknowledged);
    // Written together, kept together.
    const auto beside = database->pin()->get(raw_key(fmt::format("acknowledged-{}", kept % 100)));
    EXPECT_EQ(beside.value(), raw_value(std::to_string(kept)));
    ASSERT_TRUE(database->close());
  }
}

}  // namespace
}  // namespace restored::catalog::test
