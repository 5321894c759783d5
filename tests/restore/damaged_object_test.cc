// Objects that a verification found damaged: what is said of their backups, and how the next backup
// replaces them.
#include <gmock/gmock.h>

#include <atomic>
#include <vector>

#include "backup/repository.h"
#include "format/frame.h"
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
  // Puts the same content under the key of the backup's first object, as another host would.
  void compress_again(const BackupId& id, int level) {
    const auto repository = open_repository();
    const backup::LoadedBackup backup = repository->load(id, {}).value();
    const format::ManifestFile& file = backup.manifest.files.front();
    const format::ObjectSeal seal = backup.seal(file);
    const std::string key = format::object_key(file.content);
    const std::uint64_t size = store_->stat(key, {})->size_bytes;
    const std::string old = store_->get(key, size, {}).value();
    format::FrameDecoder decoder;
    format::FrameEncoder encoder(level);
    std::vector<format::Frame> frames;
    std::vector<std::uint32_t> sums;
    std::string object;
    std::size_t offset = 0;
    for (std::size_t i = 0; i < file.frames_count; ++i) {
      format::Frame frame = backup.frames[file.frames_begin + i];
      std::vector<std::byte> content(frame.content_bytes);
      std::vector<std::byte> stored(limits::frame_stored_bytes_max);
      const auto bytes = bytes_of(old).subspan(offset, frame.stored_bytes);
      ASSERT_TRUE(decoder.decode(frame, i, bytes, content, seal));
      offset += frame.stored_bytes;
      frame.stored_bytes = static_cast<std::uint32_t>(encoder.encode(content, stored, seal, i));
      for (std::size_t n = 0; n < frame.stored_bytes; ++n) object += static_cast<char>(stored[n]);
      sums.push_back(format::seek_table_sum(content));
      frames.push_back(frame);
    }
    object += format::encode_seek_table(frames, sums, seal);
    ASSERT_NE(object.size(), old.size());
    ASSERT_TRUE(store_->put(key, bytes_of(object), {}));
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
  EXPECT_THAT(damaged.error->message, HasSubstr("damaged: "));
  EXPECT_THAT(damaged.error->message, HasSubstr("also when read again")) << "what was noted";
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
  EXPECT_EQ(first_.watch.count("read"), 1 + static_cast<int>(limits::object_reads_again_max))
      << "its seek table, which may be that of another level of compression";
  ASSERT_TRUE(store_->remove(object, {}));
  const OperationView missing = verify(first_.host, shared_, VerifyDepth::fast);
  EXPECT_EQ(missing.state, OperationState::failed);
  EXPECT_EQ(missing.error->code, ErrorCode::object_not_found);
  const BackupId next = first_.host.back_up(database_);
  expect_restores(second_.host, next, content_);
  EXPECT_EQ(verify(first_.host, shared_, VerifyDepth::fast).state, OperationState::succeeded);
}

TEST_F(DamagedObjectTest, ReplacedAtAnotherLevelIsWholeForOlderBackups) {
  open_both();
  share("orders");
  damage(object_of(shared_));
  EXPECT_EQ(verify(first_.host, shared_, VerifyDepth::full).state, OperationState::failed);
  EXPECT_EQ(keys("damaged/").size(), 1u);
  damage(object_of(shared_));  // the same bit again
  compress_again(shared_, 19);

  const OperationView fast = verify(first_.host, shared_, VerifyDepth::fast);
  EXPECT_EQ(fast.state, OperationState::succeeded) << fast.error->message;
  EXPECT_EQ(keys("damaged/").size(), 1u) << "a fast verification has seen no content";
  expect_restores(second_.host, shared_, content_);
  const OperationView full = verify(first_.host, shared_, VerifyDepth::full);
  EXPECT_EQ(full.state, OperationState::succeeded) << full.error->message;
  EXPECT_EQ(full.bytes_done, full.bytes_total);
  EXPECT_EQ(full.files_done, full.files_total);
  EXPECT_TRUE(keys("damaged/").empty());
  EXPECT_EQ(first_.host.engine().backup(shared_)->status, BackupStatus::completed);
}

TEST_F(DamagedObjectTest, ReplacedAtAnotherLevelAndDamagedSinceIsDamaged) {
  open_both();
  share("orders");
  compress_again(shared_, 19);
  damage(object_of(shared_));
  const OperationView full = verify(first_.host, shared_, VerifyDepth::full);
  EXPECT_EQ(full.state, OperationState::failed);
  EXPECT_EQ(full.error->code, ErrorCode::corruption);
  EXPECT_EQ(keys("damaged/").size(), 1u);
  const DatabaseId target = second_.host.make_database("check");
  const OperationView restored = second_.host.restore(target, shared_);
  EXPECT_EQ(restored.state, OperationState::failed);
  EXPECT_EQ(restored.error->code, ErrorCode::corruption);
}

// With one document in damaged/ every backup's contents are asked for: not one after another.
TEST_F(DamagedObjectTest, SomewhereDoesNotMakeAListOfBackupsWaitForEachOfThem) {
  open_both();
  share("orders");
  for (int i = 0; i < 3; ++i) first_.host.back_up(database_);
  damage(object_of(shared_));
  EXPECT_EQ(verify(first_.host, shared_, VerifyDepth::full).state, OperationState::failed);
  std::atomic<int> inside = 0;
  std::atomic<bool> together = false;
  first_.watch.before = [&](std::string_view call, std::string_view key) -> Result<void> {
    if (call != "get" || !key.ends_with("/contents")) return {};
    ++inside;
    if (wait_until([&] { return inside > 1 || together; }, std::chrono::seconds(2)))
      together = true;
    --inside;
    return {};
  };
  const auto listed = first_.host.engine().backups(database_);
  ASSERT_TRUE(listed) << listed.error().message;
  EXPECT_TRUE(together);
  EXPECT_EQ(listed->size(), 4u);
  for (const BackupInfo& info : *listed) EXPECT_EQ(info.status, BackupStatus::failed);
}

TEST_F(DamagedObjectTest, ReplacedWhileItIsReadEndsNoRestoreAndNoVerification) {
  open_both();
  share("orders");
  const std::string object = object_of(shared_);
  std::atomic<int> left{1};
  second_.watch.before = [&](std::string_view call, std::string_view key) -> Result<void> {
    if (call == "read" && key == object && left-- == 1)
      return fail(ErrorCode::object_changed, "another ETag");
    return {};
  };
  expect_restores(second_.host, shared_, content_);
  EXPECT_LT(left, 0);
  left = 1;
  EXPECT_EQ(verify(second_.host, shared_, VerifyDepth::full).state, OperationState::succeeded);
  EXPECT_LT(left, 0);
}

}  // namespace
}  // namespace restored::test
