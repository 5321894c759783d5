// Where wrapping keys come from, and what is told of one that is not usable.
#include "restore/wrapping_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "support/temporary_directory.h"
#include "test_keys.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

TEST(WrappingKeysTest, KeyFilesOfOthersAndFilesWithoutAKeyAreRefused) {
  const TemporaryDirectory directory;
  const std::string good = new_key_file(directory.file("good"));
  const auto read = [](const std::string& file, std::vector<std::string> previous = {}) {
    return restore::read_wrapping_keys({file, std::move(previous), false});
  };
  EXPECT_TRUE(read("")->empty());
  EXPECT_EQ(read(good)->size(), 1u);
  EXPECT_EQ(read(good, {good})->size(), 1u) << "named twice";
  EXPECT_EQ(read("", {good}).error().code, ErrorCode::invalid_configuration);
  EXPECT_EQ(read(directory.file("none")).error().code, ErrorCode::file_not_found);
  for (const auto mode : {fs::perms::group_read, fs::perms::others_read}) {
    fs::permissions(good, fs::perms::owner_read | mode);
    EXPECT_EQ(read(good).error().code, ErrorCode::invalid_configuration);
  }
  const std::string words = directory.file("words");
  write_key_file(words, "correct horse battery staple");
  const Error error = read(words).error();
  EXPECT_EQ(error.code, ErrorCode::invalid_configuration);
  EXPECT_THAT(error.message + error.hint, Not(HasSubstr("correct")));
}

TEST(WrappingKeysTest, AKeyInThePlaceOfItsFileIsNotTold) {
  const TemporaryDirectory directory;
  const std::string key = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";
  const auto told = [&](const std::string& named) {
    const Error error = restore::read_wrapping_keys({named, {}, false}).error();
    EXPECT_THAT(error.message, HasSubstr("encryption.key_file"));
    return error.message + std::string(error.hint_text());
  };
  for (const std::string with : {"", directory.path().c_str()}) {
    if (!with.empty()) ::setenv("CREDENTIALS_DIRECTORY", with.c_str(), 1);
    for (const std::string& named : {"/" + key, "credential:" + key})
      for (const std::size_t at : {std::size_t{0}, key.size() / 2})
        EXPECT_THAT(told(named), Not(HasSubstr(key.substr(at, 8)))) << named;
  }
  EXPECT_THAT(told("credential:backups"), HasSubstr("credential backups"));
  EXPECT_THAT(told(directory.file("none")), HasSubstr(directory.file("none")));
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

TEST(WrappingKeysTest, CredentialsOfSystemdAreFoundByName) {
  const TemporaryDirectory directory;
  const auto read = [] { return restore::read_wrapping_keys({"credential:backups", {}, false}); };
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(read().error().code, ErrorCode::invalid_configuration);
  ::setenv("CREDENTIALS_DIRECTORY", directory.path().c_str(), 1);
  EXPECT_EQ(read().error().code, ErrorCode::file_not_found);
  const std::string file = new_key_file(directory.file("backups"));
  // systemd's own mode, where an access list says who may read it.
  fs::permissions(file, fs::perms::owner_read | fs::perms::group_read);
  EXPECT_EQ(read()->size(), 1u);
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

}  // namespace
}  // namespace restored::test
