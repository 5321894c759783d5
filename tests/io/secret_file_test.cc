#include "io/secret_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "support/temporary_directory.h"

namespace restored::io {
namespace {

using test::TemporaryDirectory;
using test::write_file;

TEST(SecretFileTest, IsReadWholeWithItsVersion) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("secret");
  write_file(path, "abc\n");
  const auto read = read_secret_file(path, 4);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->text.view(), "abc\n");
  EXPECT_EQ(*file_version(path), read->version);
  write_file(path, "");
  EXPECT_TRUE(read_secret_file(path, 4)->text.empty());
  EXPECT_NE(*file_version(path), read->version);
}

TEST(SecretFileTest, AReplacedFileHasAnotherVersion) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("secret");
  write_file(path, "abc");
  const auto before = file_version(path);
  write_file(directory.file("new"), "abd");
  std::filesystem::last_write_time(directory.file("new"), std::filesystem::last_write_time(path));
  std::filesystem::rename(directory.file("new"), path);
  EXPECT_NE(*file_version(path), *before);
}

TEST(SecretFileTest, ASecretInThePlaceOfItsPathIsNotTold) {
  const TemporaryDirectory directory;
  for (const std::string secret :
       {"/3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=",
        "/3q2+7wABAgMEBQ/YHCAkKCwwNDg8QERITFBUWFxgZGh=", "wJalrXUtnFEMI"}) {
    const auto read = read_named_secret_file(secret, 100);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::file_not_found);
    for (const std::size_t at : {std::size_t{1}, secret.size() / 2})
      EXPECT_EQ((read.error().message + read.error().hint).find(secret.substr(at, 6)),
                std::string::npos)
          << read.error().message;
  }
  const auto missing = read_named_secret_file(directory.file("none"), 100);
  EXPECT_NE(missing.error().message.find(directory.file("none")), std::string::npos)
      << "a path is told";
}

TEST(SecretFileTest, TellsWhoElseMayRead) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("secret");
  write_file(path, "abc");
  for (const auto& [mode, others] :
       {std::pair{0600u, false}, {0400u, false}, {0640u, true}, {0604u, true}, {0622u, false}}) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    EXPECT_EQ(read_secret_file(path, 4)->others_may_read, others) << std::oct << mode;
  }
}

TEST(SecretFileTest, WhatIsNoSmallFileIsRefusedAtOnce) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("secret");
  EXPECT_EQ(read_secret_file(path, 4).error().code, ErrorCode::file_not_found);
  EXPECT_EQ(file_version(path).error().code, ErrorCode::file_not_found);
  EXPECT_EQ(read_secret_file(directory.path(), 4).error().code, ErrorCode::corruption);
  write_file(path, "abcde");
  const auto large = read_secret_file(path, 4);
  EXPECT_EQ(large.error().code, ErrorCode::corruption);
  EXPECT_EQ(large.error().message.find("abc"), std::string::npos);
  const std::string fifo = directory.file("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(read_secret_file(fifo, 4).error().code, ErrorCode::corruption);
}

}  // namespace
}  // namespace restored::io
