// What stands in the registry's store when it cannot be what we wrote.
#include <gtest/gtest.h>
#include <concepts>
#include <string>
#include <vector>

#include "catalog/record_store.h"
#include "registry/records.h"
#include "registry/registry.h"
#include "support/temporary_directory.h"

namespace restored::registry {
namespace {

StoredOperation full_operation() {
  StoredOperation stored;
  OperationView& view = stored.record.view;
  view.id = OperationId("op1");
  view.kind = OperationKind::undo;
  view.state = OperationState::failed;
  view.phase = Phase::export_files;
  view.database = DatabaseId("target");
  view.source_database = DatabaseId("source");
  view.backup = BackupId("backup");
  view.bytes_done = (1ull << 63) + 5;  // beyond a signed number
  view.bytes_total = 2;
  view.bytes_reused = 3;
  view.bytes_transferred = 4;
  view.files_done = 5;
  view.files_total = 6;
  view.bytes_per_second = 1.0 / 3;
  view.eta_seconds = 0.25;
  view.attempts = 7;
  view.error = Error{ErrorCode::no_space, "disk \"/a\" is full \xc3\xa4", ""};
  view.waiting_on = "the repository";
  view.busy = {1.5, 2.5, 3.5, 4.5, 5.5};
  view.bandwidth_bytes_per_second = 7;
  view.peak_memory_bytes = 8;
  view.swap_pause_seconds = 0.001;
  view.may_cancel = true;
  view.principal = "token:ci uid=0 pid=1";
  view.created_at = 9;
  view.updated_at = 10;
  view.ended_at = 11;
  stored.record.backup_name = "nightly";
  stored.order = 12;
  return stored;
}

TEST(RecordTest, AnOperationReadsBackAsItWasWritten) {
  const StoredOperation written = full_operation();
  const auto read = decode_operation("operation/op1", encode(written));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(encode(*read), encode(written));
  const OperationView& view = read->record.view;
  EXPECT_EQ(view.bytes_done, (1ull << 63) + 5);
  EXPECT_EQ(view.bytes_per_second, 1.0 / 3);
  EXPECT_EQ(view.phase, Phase::export_files);
  EXPECT_EQ(view.eta_seconds, 0.25);
  EXPECT_EQ(view.error->message, written.record.view.error->message);
  EXPECT_EQ(view.busy.store, 5.5);
  EXPECT_EQ(view.ended_at, 11);
  EXPECT_EQ(view.bandwidth_bytes_per_second, 7u);
  EXPECT_EQ(read->record.backup_name, "nightly");
  EXPECT_EQ(read->order, 12u);
}

TEST(RecordTest, EveryMemberOfAnOperationIsNeeded) {
  const std::string whole = encode(full_operation());
  for (const char* member :
       {"id", "kind", "state", "phase", "database", "backup", "bytesDone", "busyFetch", "attempts",
        "mayCancel", "principal", "createdAt", "updatedAt", "order", "version"}) {
    const std::string quoted = '"' + std::string(member) + "\":";
    std::string broken = whole;
    broken.replace(broken.find(quoted), quoted.size(), "\"renamed\":");
    const auto read = decode_operation("operation/op1", broken);
    ASSERT_FALSE(read) << member;
    EXPECT_EQ(read.error().code, ErrorCode::corruption);
    EXPECT_NE(read.error().message.find("operation/op1"), std::string::npos);
    EXPECT_NE(read.error().message.find(member), std::string::npos) << read.error().message;
  }
}

// Opens a registry whose store holds this record too.
Result<std::unique_ptr<Registry>> open_with(const std::string& directory, std::string key,
                                            std::string text) {
  RESTORED_TRY(auto store, catalog::RecordStore::open(directory));
  WriteSet changes;
  changes.put(std::move(key), std::move(text));
  RESTORED_TRY(store->write(changes));
  RESTORED_TRY(store->close());
  store.reset();
  return Registry::open(directory);
}

TEST(RecordTest, ADamagedRecordIsNamed) {
  for (const std::string key : {"database/x", "connection/x", "token/x", "operation/x"}) {
    const test::TemporaryDirectory directory;
    const auto opened = open_with(directory.path() + "/registry", key, "{\"version\":1");
    ASSERT_FALSE(opened) << key;
    EXPECT_EQ(opened.error().code, ErrorCode::corruption);
    EXPECT_NE(opened.error().message.find(key), std::string::npos) << opened.error().message;
  }
}

TEST(RecordTest, AnOperationOfBeforeLimitsHasNone) {
  std::string text = encode(full_operation());
  const std::string member = R"("bandwidthBytesPerSecond":7,)";
  text.erase(text.find(member), member.size());
  const auto read = decode_operation("operation/op1", text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->record.view.bandwidth_bytes_per_second, 0u);
}

StoredDatabase some_database() {
  StoredDatabase stored;
  stored.record.id = DatabaseId("db1");
  stored.record.name = "orders";
  stored.record.created_at = 9;
  stored.order = 3;
  return stored;
}

TEST(RecordTest, ADatabaseKeepsItsSourceAndItsSchedule) {
  StoredDatabase stored = some_database();
  DatabaseRecord& record = stored.record;
  record.daily_backup = false;
  record.schedule_settled = 17;
  record.source = SourceDatabase{DatabaseId("db0")};
  const auto clone = decode_database("database/db1", encode(stored));
  ASSERT_TRUE(clone) << clone.error().message;
  EXPECT_EQ(clone->record.daily_backup, false);
  EXPECT_EQ(clone->record.schedule_settled, 17);
  ASSERT_TRUE(std::holds_alternative<SourceDatabase>(clone->record.source));
  EXPECT_EQ(std::get<SourceDatabase>(clone->record.source).database.value, "db0");
  record.source = SourceBackup{DatabaseId("db0"), BackupId("b0")};
  const auto restored = decode_database("database/db1", encode(stored));
  ASSERT_TRUE(restored) << restored.error().message;
  ASSERT_TRUE(std::holds_alternative<SourceBackup>(restored->record.source));
  EXPECT_EQ(std::get<SourceBackup>(restored->record.source).backup.value, "b0");
}

TEST(RecordTest, ADatabaseOfBeforeSchedulesAndClonesHasNone) {
  const std::string text = encode(some_database());
  for (const char* member : {"source", "dailyBackup", "scheduleSettled"})
    EXPECT_EQ(text.find(member), std::string::npos) << "it is written as it was then";
  const auto read = decode_database("database/db1", text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_FALSE(read->record.daily_backup);
  EXPECT_FALSE(read->record.schedule_settled);
  EXPECT_TRUE(std::holds_alternative<SourceEmpty>(read->record.source));
}

TEST(RecordTest, TextsThatAreNotUtf8AreMendedWhenTheyAreWritten) {
  StoredOperation written = full_operation();
  written.record.view.error = Error{ErrorCode::io_error, "file \"caf\xe9\"", "try \xff"};
  written.record.view.principal = "\x80";
  const auto read = decode_operation("operation/op1", encode(written));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->record.view.error->message, "file \"caf\xef\xbf\xbd\"");
  EXPECT_EQ(read->record.view.error->hint, "try \xef\xbf\xbd");
  EXPECT_EQ(read->record.view.principal, "\xef\xbf\xbd");
}

TEST(RecordTest, AnOperationWhoseErrorIsNotUtf8DoesNotKeepTheRegistryFromOpening) {
  const test::TemporaryDirectory directory;
  const std::string path = directory.path() + "/registry";
  OperationRecord record = full_operation().record;
  record.view.error->message = "file caf\xe9";
  {
    const auto registry = Registry::open(path).value();
    ASSERT_TRUE(registry->put_operation(record));
    ASSERT_TRUE(registry->close());
  }
  const auto registry = Registry::open(path);
  ASSERT_TRUE(registry) << registry.error().message;
  ASSERT_EQ((*registry)->operations().size(), 1u);
  EXPECT_EQ((*registry)->operations()[0].view.error->message, "file caf\xef\xbf\xbd");
  ASSERT_TRUE((*registry)->close());
}

// As it was once written.
TEST(RecordTest, ARecordThatIsNotUtf8IsReadAllTheSame) {
  std::string text = encode(full_operation());
  text.replace(text.find("full"), 4, "f\xfcll");
  const test::TemporaryDirectory directory;
  const auto registry = open_with(directory.path() + "/registry", "operation/op1", text);
  ASSERT_TRUE(registry) << registry.error().message;
  ASSERT_EQ((*registry)->operations().size(), 1u);
  EXPECT_NE((*registry)->operations()[0].view.error->message.find("f\xef\xbf\xbdll"),
            std::string::npos);
}

TEST(RecordTest, AnEndedOperationThatCannotBeReadIsLeftOutAndARunningOneIsNot) {
  StoredOperation stored = full_operation();
  for (const OperationState state : {OperationState::failed, OperationState::running}) {
    stored.record.view.state = state;
    std::string text = encode(stored);
    text.replace(text.find("bytesDone"), 9, "bytesGone");
    const test::TemporaryDirectory directory;
    const auto registry = open_with(directory.path() + "/registry", "operation/op1", text);
    if (state == OperationState::failed) {
      ASSERT_TRUE(registry) << registry.error().message;
      EXPECT_TRUE((*registry)->operations().empty());
    } else {
      ASSERT_FALSE(registry);
      EXPECT_EQ(registry.error().code, ErrorCode::corruption);
    }
  }
}

TEST(RecordTest, NothingButAWholeRecordIsOne) {
  for (const char* text : {"", "{", "[]", "null", "{}", R"({"version":1})", R"({"version":0})",
                           R"({"version":"1"})", R"({"version":-1})"}) {
    EXPECT_EQ(decode_database("k", text).error().code, ErrorCode::corruption) << text;
    EXPECT_EQ(decode_connection("k", text).error().code, ErrorCode::corruption) << text;
    EXPECT_EQ(decode_token("k", text).error().code, ErrorCode::corruption) << text;
    EXPECT_EQ(decode_operation("k", text).error().code, ErrorCode::corruption) << text;
    EXPECT_EQ(decode_facts("k", text).error().code, ErrorCode::corruption) << text;
  }
}

TEST(RecordTest, ANewerRecordIsRefused) {
  for (const std::string key :
       {"database/x", "connection/x", "token/x", "operation/x", "registry"}) {
    const test::TemporaryDirectory directory;
    const bool operation = key.starts_with(operation_prefix);
    const auto opened = open_with(directory.path() + "/registry", key,
                                  operation ? R"({"version":3})" : R"({"version":2})");
    ASSERT_FALSE(opened) << key;
    EXPECT_EQ(opened.error().code, ErrorCode::unsupported_format);
    EXPECT_NE(opened.error().message.find(key), std::string::npos) << opened.error().message;
  }
}

// An agent of before there were holds reads version 1 only, and would swap.
TEST(RecordTest, OnlyOneThatHoldsAndLacksItsCommitIsOfTheSecondVersion) {
  StoredOperation stored = full_operation();
  const auto is_second = [&] {
    const std::string text = encode(stored);
    const auto read = decode_operation("operation/op1", text);
    EXPECT_TRUE(read && encode(*read) == text) << text;
    const bool second = text.find(R"("version":2)") != std::string::npos;
    EXPECT_NE(second, text.find(R"("version":1)") != std::string::npos) << text;
    return second;
  };
  stored.record.hold = true;
  for (const OperationState state : {OperationState::succeeded, OperationState::failed,
                                     OperationState::cancelled, OperationState::running}) {
    stored.record.view.state = state;
    stored.record.committed = false;
    EXPECT_EQ(is_second(), state == OperationState::running);
    stored.record.committed = true;
    EXPECT_FALSE(is_second());
  }
  stored.record.hold = stored.record.committed = false;
  EXPECT_FALSE(is_second());
}

TEST(RecordTest, ADigestThatIsNoneIsRefused) {
  StoredToken token;
  token.info.id = TokenId("t");
  std::string text = encode(token);
  const std::string digest = to_text(token.secret);
  text.replace(text.find(digest), digest.size(), digest.substr(2));
  EXPECT_EQ(decode_token("token/t", text).error().code, ErrorCode::corruption);
}

TEST(RecordTest, SecretsAreFoundByTheirWholeDigest) {
  SecretIndex index;
  const Digest known = digest_of("known");
  Digest twin = known;  // the same bucket, another digest
  twin.bytes.back() ^= std::byte{1};
  index.add(known, "owner");
  index.add(twin, "twin");
  EXPECT_EQ(*index.owner(known), "owner");
  EXPECT_EQ(*index.owner(twin), "twin");
  index.remove(known);
  EXPECT_EQ(index.owner(known), nullptr);
  EXPECT_EQ(*index.owner(twin), "twin");
  // FIPS 180-2, appendix B.1
  EXPECT_EQ(to_text(digest_of("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// How long a lookup takes must not tell which of two digests it was, or whether it was one of them.
TEST(RecordTest, EveryDigestOfABucketIsComparedWhicheverIsLookedFor) {
  SecretIndex index;
  std::vector<Digest> twins(4, digest_of("known"));
  for (std::size_t i = 0; i < twins.size(); ++i) {
    twins[i].bytes.back() ^= static_cast<std::byte>(i);
    if (i > 0) index.add(twins[i], std::to_string(i));
  }
  for (std::size_t i = 0; i < twins.size(); ++i) {
    std::size_t compared = 0;
    const std::string* owner = index.owner(twins[i], &compared);
    EXPECT_EQ(compared, 3u) << i;
    EXPECT_EQ(owner == nullptr, i == 0);
    if (owner != nullptr) {
      EXPECT_EQ(*owner, std::to_string(i));
    }
  }
}

// A plain comparison stops at the first byte that differs.
static_assert(!std::equality_comparable<Digest>, "digests are compared by same() alone");

}  // namespace
}  // namespace restored::registry
