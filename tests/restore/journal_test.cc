// The journal against crashes, foreign journals and damage: it may forget, it never invents.
#include "restore/journal.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "restored/limits.h"
#include "support/fault_files.h"
#include "support/temporary_directory.h"

namespace restored::restore {
namespace {

using test::read_whole_file;
using test::TemporaryDirectory;
using test::write_file;

constexpr std::size_t record_bytes = 48;

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    for (int i = 0; i < 3; ++i) {
      format::ManifestFile file;
      file.name = std::to_string(i) + ".sst";
      file.frames_count = 100;
      file.content.bytes[0] = static_cast<std::byte>(i + 1);
      files_.push_back(file);
    }
  }

  std::vector<JournalEntry> write_some() {
    Result<Journal> journal = Journal::create(io::system_files(), path_, binding_, files_);
    EXPECT_TRUE(journal) << journal.error().message;
    const std::vector<JournalEntry> entries = {
        {0, {0, 40}, false, false}, {1, {0, 100}, true, true}, {0, {40, 100}, true, false}};
    for (const JournalEntry& entry : entries) EXPECT_TRUE(journal->append(entry));
    EXPECT_TRUE(journal->close());
    return entries;
  }

  Result<std::vector<JournalEntry>> read() {
    std::vector<JournalEntry> entries;
    RESTORED_TRY(const Journal journal,
                 Journal::open(io::system_files(), path_, binding_, files_, entries));
    return entries;
  }

  const TemporaryDirectory directory_;
  const std::string path_ = directory_.file("journal");
  JournalBinding binding_{OperationId("operation"), "0123456789abcdef"};
  std::vector<format::ManifestFile> files_;
};

TEST_F(JournalTest, SaysWhatWasWritten) {
  const std::vector<JournalEntry> entries = write_some();
  EXPECT_EQ(read().value(), entries);
}

TEST_F(JournalTest, IsNotMadeTwice) {
  write_some();
  const auto again = Journal::create(io::system_files(), path_, binding_, files_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::file_exists);
}

TEST_F(JournalTest, ATornTailIsForgottenAndTheNextRecordFollowsTheLastGoodOne) {
  const std::vector<JournalEntry> entries = write_some();
  const std::string whole = read_whole_file(path_);
  for (std::size_t cut = record_bytes; cut < whole.size(); ++cut) {
    write_file(path_, whole.substr(0, cut));
    std::vector<JournalEntry> kept;
    Result<Journal> journal = Journal::open(io::system_files(), path_, binding_, files_, kept);
    ASSERT_TRUE(journal) << cut;
    const std::size_t good = cut / record_bytes - 1;
    ASSERT_EQ(kept, std::vector(entries.begin(), entries.begin() + static_cast<long>(good)));
    const JournalEntry added{2, {7, 9}, false, false};
    ASSERT_TRUE(journal->append(added));
    ASSERT_TRUE(journal->close());
    kept.push_back(added);
    ASSERT_EQ(read().value(), kept) << cut;
  }
}

TEST_F(JournalTest, ACutHeaderIsNoJournal) {
  write_some();
  const std::string whole = read_whole_file(path_);
  for (std::size_t cut = 0; cut < record_bytes; ++cut) {
    write_file(path_, whole.substr(0, cut));
    const auto entries = read();
    ASSERT_FALSE(entries) << cut;
    EXPECT_EQ(entries.error().code, ErrorCode::corruption);
  }
}

TEST_F(JournalTest, AnyFlippedBitForgetsFromThereOnAndInventsNothing) {
  const std::vector<JournalEntry> entries = write_some();
  const std::string whole = read_whole_file(path_);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      write_file(path_, damaged);
      const auto read_back = read();
      if (at < record_bytes) {
        ASSERT_FALSE(read_back) << at;
        continue;
      }
      const std::size_t good = at / record_bytes - 1;
      ASSERT_EQ(read_back.value(),
                std::vector(entries.begin(), entries.begin() + static_cast<long>(good)))
          << at << " bit " << bit;
    }
  }
}

TEST_F(JournalTest, ARecordThatIsThereTwiceDoesNoHarm) {
  const std::vector<JournalEntry> entries = write_some();
  const std::string whole = read_whole_file(path_);
  write_file(path_, whole + whole.substr(record_bytes, record_bytes));
  const auto read_back = read().value();
  ASSERT_EQ(read_back.size(), 4u);
  EXPECT_EQ(read_back.back(), entries.front());
}

TEST_F(JournalTest, IsNotBelievedForAnotherOperationOrManifest) {
  write_some();
  const JournalBinding mine = binding_;
  binding_.operation = OperationId("another");
  EXPECT_EQ(read().error().code, ErrorCode::corruption);
  binding_ = mine;
  binding_.manifest_hash = "another";
  EXPECT_EQ(read().error().code, ErrorCode::corruption);
}

TEST_F(JournalTest, ARecordOfAnotherContentEndsIt) {
  write_some();
  files_[1].content.bytes[5] = std::byte{9};
  EXPECT_EQ(read().value().size(), 1u);
  files_[0].frames_count = 30;
  EXPECT_TRUE(read().value().empty()) << "a span beyond the file's end";
}

TEST_F(JournalTest, AMissingOneIsNotFound) {
  EXPECT_EQ(read().error().code, ErrorCode::file_not_found);
}

TEST_F(JournalTest, AFullDiskIsSaid) {
  test::FaultPlan plan;
  test::FaultFileSystem files(io::system_files(), plan);
  Result<Journal> journal = Journal::create(files, path_, binding_, files_);
  ASSERT_TRUE(journal);
  plan.fail(test::Call::write, 1, ErrorCode::no_space);
  EXPECT_EQ(journal->append({0, {0, 1}, false, false}).error().code, ErrorCode::no_space);
  plan.fail(test::Call::sync, 1, ErrorCode::io_error);
  EXPECT_EQ(journal->sync().error().code, ErrorCode::io_error);
}

}  // namespace
}  // namespace restored::restore
