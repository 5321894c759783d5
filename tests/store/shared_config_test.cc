#include "store/shared_config.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <random>

#include "fake_environment.h"
#include "support/temporary_directory.h"

namespace restored::store {
namespace {

using test::TemporaryDirectory;
using test::write_file;

ProfileFile credentials_file(std::string_view text) {
  return {ProfileFile::Kind::credentials, SecretText::copy(text)};
}
ProfileFile config_file(std::string_view text) {
  return {ProfileFile::Kind::config, SecretText::copy(text)};
}

TEST(ProfileFileTest, AValueBelongsToItsProfile) {
  const ProfileFile file = credentials_file("[a]\nkey = 1\n[b]\r\nkey=2\r\n\n[c]\n");
  EXPECT_EQ(file.value("a", "key"), "1");
  EXPECT_EQ(file.value("b", "key"), "2");
  EXPECT_EQ(file.value("c", "key"), std::nullopt);
  EXPECT_TRUE(file.has_profile("c"));
  EXPECT_FALSE(file.has_profile("d"));
  EXPECT_FALSE(file.has_profile(""));
}

TEST(ProfileFileTest, AConfigurationNamesItsProfilesOtherwise) {
  const ProfileFile file = config_file(
      "[default]\nkey = 0\n[profile a]\nkey = 1\n[a]\nkey = 2\n[ profile  b ]\nkey = 3\n"
      "[sso-session default]\nkey = 4\n[profilec]\nkey = 5\n");
  EXPECT_EQ(file.value("default", "key"), "0");
  EXPECT_EQ(file.value("a", "key"), "1");
  EXPECT_EQ(file.value("b", "key"), "3");
  EXPECT_FALSE(file.has_profile("c"));
  EXPECT_EQ(credentials_file("[profile a]\nkey = 1\n").value("a", "key"), std::nullopt);
}

TEST(ProfileFileTest, CommentsAndNestedLinesAreNoValues) {
  const ProfileFile file = config_file(
      "key = before\n# [default]\n[default] # why\n; key = 1\n#key = 2\n"
      "s3 =\n  key = 3\n\tother = 4\nword\n  key = 5\nspaced = a b  # c\nhash = a#b;c\nempty =\n");
  EXPECT_EQ(file.value("default", "key"), std::nullopt);
  EXPECT_EQ(file.value("default", "other"), std::nullopt);
  EXPECT_EQ(file.value("default", "s3"), std::nullopt);
  EXPECT_EQ(file.value("default", "spaced"), "a b");
  EXPECT_EQ(file.value("default", "hash"), "a#b;c");
  EXPECT_EQ(file.value("default", "empty"), std::nullopt);
}

TEST(ProfileFileTest, IndentedKeysAreKeysAndTheLastOneWins) {
  const ProfileFile file = credentials_file("[a]\n  key = 1\n  other = 2\n[b]\n[a]\n  key = 3");
  EXPECT_EQ(file.value("a", "other"), "2");
  EXPECT_EQ(file.value("a", "key"), "3");
}

TEST(ProfileFileTest, RandomBytesHarmNothing) {
  constexpr unsigned seed = 7;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  constexpr std::string_view letters = "[]=#; \t\r\nab\0profile";
  for (int run = 0; run < 5000; ++run) {
    std::string text(random() % 80, '\0');
    for (char& c : text) c = letters[random() % letters.size()];
    for (const auto& file : {credentials_file(text), config_file(text)}) {
      if (const auto value = file.value("a", "b")) {
        EXPECT_FALSE(value->empty());
      }
      static_cast<void>(file.has_profile("a"));
    }
  }
}

TEST(SharedConfigTest, FilesAreWhereTheEnvironmentSays) {
  const TemporaryDirectory home;
  write_file(home.file("keys"), "[x]\nkey = 1\n");
  write_file(home.file("config"), "[profile x]\nkey = 2\nregion = r\n");
  const Variables variables = {{"HOME", home.path()},
                               {"AWS_SHARED_CREDENTIALS_FILE", "~/keys"},
                               {"AWS_CONFIG_FILE", home.file("config")},
                               {"AWS_PROFILE", "x"}};
  const auto shared = read_shared_config({}, environment_of(variables));
  ASSERT_TRUE(shared.has_value()) << shared.error().message;
  EXPECT_EQ(shared->value("key"), "1");
  EXPECT_EQ(shared->value("region"), "r");
  EXPECT_EQ(shared->origin(), "profile x of " + home.file("keys"));
  EXPECT_TRUE(shared->profile_chosen);
  S3Options options;
  options.credentials_file = home.file("other");
  EXPECT_EQ(read_shared_config(options, environment_of(variables)).error().code,
            ErrorCode::file_not_found);
  write_file(options.credentials_file, "[y]\nkey = 3\n");
  options.profile = "y";
  EXPECT_EQ(read_shared_config(options, environment_of(variables))->value("key"), "3");
}

TEST(SharedConfigTest, WhatNobodyHasMadeIsEmpty) {
  const TemporaryDirectory home;
  for (const Variables& variables :
       {Variables{}, Variables{{"HOME", home.path()}},
        Variables{{"AWS_CONFIG_FILE", home.file("no")},
                  {"AWS_SHARED_CREDENTIALS_FILE", home.file("neither")}}}) {
    const auto shared = read_shared_config({}, environment_of(variables));
    ASSERT_TRUE(shared.has_value()) << shared.error().message;
    EXPECT_FALSE(shared->has_profile());
    EXPECT_EQ(shared->profile, "default");
    EXPECT_FALSE(shared->profile_chosen);
  }
}

TEST(SharedConfigTest, AFileThatComesOrGoesIsAChange) {
  const TemporaryDirectory home;
  const std::string path = home.file("keys");
  const Environment environment = environment_of({{"AWS_SHARED_CREDENTIALS_FILE", path}});
  const auto missing = read_shared_config({}, environment);
  ASSERT_EQ(missing->files.size(), 1u);
  EXPECT_FALSE(missing->files[0].changed());
  write_file(path, "[x]\n");
  EXPECT_TRUE(missing->files[0].changed());
  const auto there = read_shared_config({}, environment);
  EXPECT_FALSE(there->files[0].changed());
  ASSERT_EQ(::unlink(path.c_str()), 0);
  EXPECT_TRUE(there->files[0].changed());
}

}  // namespace
}  // namespace restored::store
