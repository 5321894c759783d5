// repository check: without an agent, over a real directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "program_run.h"
#include "support/temporary_directory.h"

namespace restored::ctl_test {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

class RepositoryTest : public testing::Test {
 protected:
  RepositoryTest() { std::filesystem::create_directory(repository()); }
  std::string repository() const { return directory_.file("repository"); }
  std::string url() const { return "file://" + repository(); }
  // Neither agent nor token are there.
  Ended check(std::vector<std::string> arguments) const {
    std::vector<std::string> all = {"repository",     "check",     "--token-file",
                                    "/nowhere/token", "--control", "unix:/nowhere/socket"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run(all);
  }
  std::set<std::string> files() const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(repository())) {
      if (entry.is_regular_file()) found.insert(entry.path().string());
    }
    return found;
  }

  const test::TemporaryDirectory directory_;
};

TEST_F(RepositoryTest, EveryFindingOfAGoodPlaceIsALineAndNothingIsLeft) {
  const auto ended = check({url(), "--size", "20MiB"});
  EXPECT_EQ(ended.status, 0) << ended.output << ended.errors;
  EXPECT_EQ(ended.errors, "");
  for (const char* name :
       {"directory", "reach", "write", "read", "range", "list", "clock", "latency", "multipart",
        "read-speed", "write-speed", "leftovers", "delete"}) {
    EXPECT_THAT(ended.output, HasSubstr("ok       " + std::string(name) + " "));
  }
  EXPECT_THAT(ended.output, MatchesRegex("(.|\n)*read-speed   [0-9.]+ MiB/s, with up to [0-9]+ "
                                         "ranges in flight\n(.|\n)*"));
  EXPECT_THAT(ended.output, Not(HasSubstr("FAILED")));
  EXPECT_TRUE(files().empty());
}

TEST_F(RepositoryTest, JsonIsOneDocumentWithTheFigures) {
  const auto ended = check({url(), "--size", "1MiB", "--json"});
  EXPECT_EQ(ended.status, 0) << ended.errors;
  const auto report = boost::json::parse(ended.output).at("data");
  EXPECT_EQ(report.at("type"), "repository-check");
  EXPECT_EQ(report.at("url"), boost::json::value(url()));
  EXPECT_EQ(report.at("passed"), true);
  EXPECT_EQ(report.at("findings").as_array().size(), 13U);
  EXPECT_GT(report.at("readBytesPerSecond").to_number<double>(), 0);
  EXPECT_GT(report.at("writeBytesPerSecond").to_number<double>(), 0);
  EXPECT_GE(report.at("readsInFlight").to_number<int>(), 1);
  EXPECT_GT(report.at("latencyP99Millis").to_number<double>(), 0);
  for (const auto& finding : report.at("findings").as_array()) {
    EXPECT_EQ(finding.at("verdict"), "ok");
    EXPECT_FALSE(finding.as_object().contains("remedy"));
  }
}

TEST_F(RepositoryTest, APlaceThatIsNotThereFailsWithItsRemedyAndIsNotMade) {
  const std::string missing = directory_.file("unmounted");
  const auto ended = check({"file://" + missing});
  EXPECT_EQ(ended.status, 66);
  EXPECT_THAT(ended.output, MatchesRegex("FAILED   directory    " + missing +
                                         ": No such file or directory\\. Mount .*\n"));
  EXPECT_FALSE(std::filesystem::exists(missing));
  const auto json = check({"file://" + missing, "--json"});
  EXPECT_EQ(json.status, 66);
  const auto report = boost::json::parse(json.output).at("data");
  EXPECT_EQ(report.at("passed"), false);
  EXPECT_EQ(report.at("findings").at(0).at("code"), "file-not-found");
  EXPECT_FALSE(report.at("findings").at(0).at("remedy").as_string().empty());
}

TEST_F(RepositoryTest, WhatIsNoPlaceIsRefusedWithTheConfigurationsStatus) {
  std::ofstream(directory_.file("file")) << "x";
  EXPECT_EQ(check({"file://" + directory_.file("file")}).status, 78);
  const auto ended = check({"ftp://host/x"});
  EXPECT_EQ(ended.status, 78);
  EXPECT_THAT(ended.output, HasSubstr("FAILED   address      repository \"ftp://host/x\" has no "
                                      "known scheme"));
  EXPECT_EQ(check({"file://relative"}).status, 78);
}

TEST_F(RepositoryTest, TheConfigurationSaysWhereAndHow) {
  const std::string config = directory_.file("restored.toml");
  std::ofstream(config) << "repository = \"" << url() << "\"\n[store]\nreads_max = 2\n";
  EXPECT_EQ(check({"--config", config, "--size", "1MiB"}).status, 0);
  std::ofstream(config) << "[store]\nreads_max = 0\n";
  const auto wrong = check({url(), "--config", config});
  EXPECT_EQ(wrong.status, 78);
  EXPECT_THAT(wrong.errors, HasSubstr("store.reads_max must be from 1 to 64"));
  EXPECT_EQ(check({url(), "--config", directory_.file("none.toml")}).status, 66);
  std::ofstream(config) << "[s3]\nsecret_access_key = \"wJalrXUtnFEMI\"\n";
  const auto secret = check({url(), "--config", config});
  EXPECT_EQ(secret.status, 78);
  EXPECT_THAT(secret.errors, Not(HasSubstr("wJalrXUtnFEMI")));
  std::ofstream(config) << "log_level = \"info\"\n";
  const auto nowhere = check({"--config", config});
  EXPECT_EQ(nowhere.status, 64);
  EXPECT_THAT(nowhere.errors, HasSubstr("no repository is named"));
}

TEST_F(RepositoryTest, ASizeOutOfRangeIsRefusedBeforeAnythingIsWritten) {
  for (const char* size : {"1023KiB", "17GiB", "much", "-1"}) {
    EXPECT_EQ(check({url(), "--size", size}).status, 64) << size;
  }
  EXPECT_TRUE(std::filesystem::is_empty(repository()));
}

TEST_F(RepositoryTest, RootIsToldToBeTheOwnerOfTheDirectory) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be anybody else";
  ASSERT_EQ(::chown(repository().c_str(), 65534, 65534), 0);
  const auto ended = check({url()});
  EXPECT_EQ(ended.status, 77);
  EXPECT_THAT(ended.output, HasSubstr("sudo -u "));
  EXPECT_TRUE(std::filesystem::is_empty(repository()));
}

}  // namespace
}  // namespace restored::ctl_test
