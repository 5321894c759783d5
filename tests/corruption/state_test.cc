// The small files that a host keeps beside its databases: the mark of an operation whose end the
// registry did not take. A changed byte makes it "it ended, and how could not be recorded", which
// is a failed operation; it never tells of an end that was not.
#include <gtest/gtest.h>

#include <filesystem>

#include "damage.h"
#include "io/file_system.h"
#include "restore/repository_access.h"
#include "restore/unrecorded_ends.h"
#include "store/open_store.h"
#include "support/temporary_directory.h"

namespace restored::corruption_test {
namespace {

registry::OperationRecord ended(const char* id, OperationState state) {
  registry::OperationRecord record;
  record.view.id = OperationId(id);
  record.view.kind = OperationKind::restore;
  record.view.state = state;
  record.view.database = DatabaseId("a23456789012345678901234");
  record.view.backup = BackupId("backup-1");
  record.view.attempts = 3;
  record.view.ended_at = 1'700'000'000'000;
  if (state == OperationState::failed)
    record.view.error = Error{ErrorCode::io_error, "the device is gone", {}};
  return record;
}

TEST(StateCorruptionTest, ADamagedMarkOfAnEndTellsNothing) {
  const std::string whole = restore::encode_mark(ended("operation1", OperationState::succeeded));
  const auto read = restore::decode_mark("mark", whole);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->view.state, OperationState::succeeded);
  EXPECT_EQ(read->view.attempts, 3u);
  Tally tally("mark of an end, flipped with every mask and cut");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (unsigned mask = 1; mask < 256; ++mask) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ mask);
      EXPECT_FALSE(restore::decode_mark("mark", damaged).has_value()) << at << " ^ " << mask;
      ++tally.detected;
    }
    EXPECT_FALSE(restore::decode_mark("mark", whole.substr(0, at)).has_value()) << at;
    ++tally.detected;
  }
  EXPECT_FALSE(restore::decode_mark("mark", whole + "\n").has_value());
}

TEST(StateCorruptionTest, ADamagedNoteOfTheRepositoryBeginsNoNewOneAndIsMended) {
  namespace fs = std::filesystem;
  const test::TemporaryDirectory directory(test::memory_directory());
  const std::string note = directory.file("note");
  const auto open = [&](const std::string& place) {
    const auto store =
        store::open_store("file://" + directory.file(place), io::system_files(), nullptr).value();
    const restore::RepositoryAccess access(*store, backup::KeyRing::without_keys(),
                                           io::system_files(), note);
    const auto opened = access.get({});
    return opened ? Result<std::string>((*opened)->id()) : std::unexpected(opened.error());
  };
  const std::string id = open("repository").value();
  const std::string whole = test::read_whole_file(note);
  Choice choice;
  Tally tally("note of the repository, flipped and cut");
  const auto look = [&](const std::string& damaged, const std::string& how) {
    // Where the repository is, it is found, and the note is as it was.
    test::write_file(note, damaged);
    EXPECT_EQ(open("repository").value_or("refused"), id) << how;
    EXPECT_EQ(test::read_whole_file(note), whole) << how;
    // Where it is not mounted, that is told.
    test::write_file(note, damaged);
    fs::rename(directory.file("repository"), directory.file("away"));
    const auto refused = open("repository");
    EXPECT_FALSE(refused) << how << ": a new repository was begun";
    if (!refused) {
      EXPECT_EQ(refused.error().code, ErrorCode::object_store_unavailable) << how;
      EXPECT_NE(refused.error().hint_text().find(note), std::string::npos) << how;
    }
    fs::remove_all(directory.file("repository"));
    fs::rename(directory.file("away"), directory.file("repository"));
    ++tally.detected;
  };
  for (std::size_t at = 0; at < whole.size(); ++at) {
    look(choice.flipped(whole, at), "changed at " + std::to_string(at));
    look(whole.substr(0, at), "cut to " + std::to_string(at));
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace restored::corruption_test
