// Objects that a verification found damaged: what is said of their backups, and how the next backup
// replaces them.
#include <gmock/gmock.h>

#include "many_hosts.h"

namespace restored::test {
namespace {

using testing::HasSubstr;

class DamagedObjectTest : public ManyHostsTest {
 protected:
  OperationView verify(TestHost& host, const BackupId& backup, VerifyDepth depth) {
    return host.wait(host.engine().start_verify(backup, depth, "test")->id);
  }
  void damage(const std::string& key) {
    const std::uint64_t size = store_->stat(key, {})->size_bytes;
    std::string bytes = store_->get(key, size, {}).value();
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 4);
    ASSERT_TRUE(store_->put(key, bytes_of(bytes), {}));
  }
};

TEST_F(DamagedObjectTest, IsReplacedByTheNextBackupAfterItWasFound) {
  open_both();
  share("orders");
  const std::string object = object_of(shared_);
  damage(object);
  EXPECT_EQ(verify(first_.host, shared_, VerifyDepth::fast).state, OperationState::succeeded);
  const OperationView found = verify(second_.host, shared_, VerifyDepth::full);
  EXPECT_EQ(found.state, OperationState::failed);
  EXPECT_EQ(found.error->code, ErrorCode::corruption);
  EXPECT_THAT(found.error->message, HasSubstr("1 of 1 objects"));
  EXPECT_EQ(keys("damaged/").size(), 1u);
  const BackupInfo damaged = first_.host.engine().backup(shared_).value();
  EXPECT_EQ(damaged.status, BackupStatus::failed);
  EXPECT_EQ(damaged.error->code, ErrorCode::corruption);
  EXPECT_EQ(first_.host.engine().backups(database_)->front().status, BackupStatus::failed);

  const BackupId next = first_.host.back_up(database_);
  EXPECT_GT(first_.host.engine().backup(next)->uploaded_bytes, 0u);
  EXPECT_TRUE(keys("damaged/").empty());
  expect_restores(second_.host, next, content_);
  EXPECT_EQ(verify(first_.host, shared_, VerifyDepth::full).state, OperationState::succeeded)
      << "written again at the same level, it is what it was";
  EXPECT_EQ(first_.host.engine().backup(shared_)->status, BackupStatus::completed);
}

TEST_F(DamagedObjectTest, ThatIsMendedIsForgottenByTheNextVerification) {
  open_both();
  share("orders");
  const std::string object = object_of(shared_);
  damage(object);
  EXPECT_EQ(verify(first_.host, shared_, VerifyDepth::full).state, OperationState::failed);
  EXPECT_EQ(keys("damaged/").size(), 1u);
  damage(object);  // the same bit again
  EXPECT_EQ(verify(first_.host, shared_, VerifyDepth::full).state, OperationState::succeeded);
  EXPECT_TRUE(keys("damaged/").empty());
  EXPECT_EQ(first_.host.engine().backup(shared_)->status, BackupStatus::completed);
}

TEST_F(DamagedObjectTest, ThatIsMissingOrShortIsFoundByAFastVerification) {
  open_both();
  share("orders");
  const OperationView whole = verify(first_.host, shared_, VerifyDepth::fast);
  EXPECT_EQ(whole.state, OperationState::succeeded);
  EXPECT_EQ(whole.bytes_done, whole.bytes_total);
  EXPECT_GT(whole.bytes_done, 0u);
  const std::string object = object_of(shared_);
  const std::uint64_t size = store_->stat(object, {})->size_bytes;
  const std::string bytes = store_->get(object, size, {}).value();
  ASSERT_TRUE(store_->put(object, bytes_of(std::string_view(bytes).substr(1)), {}));
  first_.watch.clear();
  const OperationView cut = verify(first_.host, shared_, VerifyDepth::fast);
  EXPECT_EQ(cut.state, OperationState::failed);
  EXPECT_EQ(cut.error->code, ErrorCode::corruption);
  EXPECT_EQ(first_.watch.count("read"), 0);
  ASSERT_TRUE(store_->remove(object, {}));
  const OperationView missing = verify(first_.host, shared_, VerifyDepth::fast);
  EXPECT_EQ(missing.state, OperationState::failed);
  EXPECT_EQ(missing.error->code, ErrorCode::object_not_found);
  const BackupId next = first_.host.back_up(database_);
  expect_restores(second_.host, next, content_);
  EXPECT_EQ(verify(first_.host, shared_, VerifyDepth::fast).state, OperationState::succeeded);
}

}  // namespace
}  // namespace restored::test
