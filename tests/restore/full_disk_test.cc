// A disk that fails at each call of a restore in turn: a clear error or a success, never half of
// it; the old data stays served and writable.
#include <gtest/gtest.h>

#include <array>

#include "support/fault_files.h"
#include "support/temporary_directory.h"
#include "test_host.h"

namespace restored::test {
namespace {

class FullDiskTest : public ::testing::TestWithParam<std::pair<Call, ErrorCode>> {
 protected:
  FullDiskTest()
      : files_(io::system_files(), plan_),
        host_(directory_.file("state"), directory_.file("repository")) {
    TestHost maker(directory_.file("maker"), directory_.file("repository"));
    maker.open();
    const DatabaseId source = maker.make_database("source");
    maker.put(source, records("a:", 100, 1));
    maker.back_up(source);
    maker.put(source, records("b:", 100, 2));
    backup_ = maker.back_up(source);
    new_ = maker.content(source);
    maker.close();
    // The pool writes through the file layer, so that its writes can fail there.
    host_.options.io_uring = false;
    host_.options.direct_io = false;
    host_.seams.files = &files_;
    plan_.only("/staging/");
    host_.open();
  }
  ~FullDiskTest() override {
    plan_.clear();
    host_.close();
  }

  const TemporaryDirectory directory_;
  FaultPlan plan_;
  FaultFileSystem files_;
  TestHost host_;
  BackupId backup_;
  Content new_;
};

TEST_P(FullDiskTest, AtEachCallOfARestoreKeepsTheOldContentServedAndWritable) {
  const auto [call, code] = GetParam();
  const Content old = records("old:", 50, 3);
  std::uint64_t failures = 0;
  for (std::uint64_t nth = 1; nth < 200; ++nth) {
    const DatabaseId target = host_.make_database("target");
    host_.put(target, old);
    plan_.clear();
    plan_.fail(call, nth, code);
    const OperationView ended = host_.restore(target, backup_);
    const bool failed = plan_.failures() > 0;
    plan_.clear();
    if (!failed) {
      EXPECT_EQ(ended.state, OperationState::succeeded) << ended.error->message;
      EXPECT_EQ(host_.content(target), new_);
      break;
    }
    ++failures;
    if (ended.state == OperationState::succeeded) {
      EXPECT_EQ(host_.content(target), new_) << "call " << nth << " may fail without harm";
      continue;
    }
    EXPECT_EQ(ended.state, OperationState::failed);
    EXPECT_EQ(ended.error->code, code) << "call " << nth << ": " << ended.error->message;
    EXPECT_EQ(host_.content(target), old) << "call " << nth;
    EXPECT_TRUE(host_.staged_files(target).empty()) << "call " << nth;
    Content more = records("more:", 5, 4);
    host_.put(target, more);
    more.insert(old.begin(), old.end());
    EXPECT_EQ(host_.content(target), more) << "still writable";
    EXPECT_EQ(host_.engine().database(target)->status, DatabaseStatus::ready);
    ASSERT_TRUE(host_.engine().remove_database(target));
  }
  EXPECT_GT(failures, 0u) << "a restore makes no such call";
}

INSTANTIATE_TEST_SUITE_P(OfEveryKind, FullDiskTest,
                         ::testing::Values(std::pair{Call::open, ErrorCode::io_error},
                                           std::pair{Call::create, ErrorCode::no_space},
                                           std::pair{Call::write, ErrorCode::no_space},
                                           std::pair{Call::truncate, ErrorCode::io_error},
                                           std::pair{Call::allocate, ErrorCode::no_space},
                                           std::pair{Call::sync, ErrorCode::io_error},
                                           std::pair{Call::close, ErrorCode::io_error},
                                           std::pair{Call::make_directories, ErrorCode::no_space},
                                           std::pair{Call::sync_directory, ErrorCode::io_error}));

}  // namespace
}  // namespace restored::test
