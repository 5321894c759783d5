#include "catalog/catalog_record.h"

#include <gtest/gtest.h>

namespace restored::catalog::test {
namespace {

CatalogRecord full_record() {
  CatalogRecord record;
  record.state.live = 9;
  record.state.live_provenance = Provenance{.kind = "backup",
                                            .source_database = DatabaseId("source"),
                                            .backup = BackupId("b-2"),
                                            .operation = OperationId("op-2")};
  record.state.previous = 4;
  record.state.previous_provenance.kind = "empty";
  record.state.previous_until = 1'700'000'000'123;
  record.state.last_swap = OperationId("op-2");
  record.state.base_backups = {BackupId("b-2"), BackupId("b-1")};
  record.numbers_end = 65;
  return record;
}

TEST(CatalogRecordTest, ReadsBackWhatItWrote) {
  const auto read = decode_catalog(encode(full_record()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->state.live, 9u);
  EXPECT_EQ(read->state.live_provenance.kind, "backup");
  EXPECT_EQ(read->state.live_provenance.source_database, DatabaseId("source"));
  EXPECT_EQ(read->state.live_provenance.backup, BackupId("b-2"));
  EXPECT_EQ(read->state.live_provenance.operation, OperationId("op-2"));
  EXPECT_EQ(read->state.previous, 4u);
  EXPECT_EQ(read->state.previous_provenance.kind, "empty");
  EXPECT_EQ(read->state.previous_until, 1'700'000'000'123);
  EXPECT_EQ(read->state.last_swap, OperationId("op-2"));
  EXPECT_EQ(read->state.base_backups, full_record().state.base_backups);
  EXPECT_EQ(read->numbers_end, 65u);
}

TEST(CatalogRecordTest, FirstVersionIsReadForEver) {
  const auto read = decode_catalog(
      "restored-catalog 1 d704a808\n"
      "{\"live\":1,\"live_provenance\":{\"kind\":\"empty\",\"source_database\":\"\",\"backup\":"
      "\"\",\"operation\":\"\"},\"last_swap\":\"\",\"base_backups\":[],\"numbers_end\":2}");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->state.live, 1u);
  EXPECT_FALSE(read->state.previous);
}

TEST(CatalogRecordTest, EveryChangedByteIsFound) {
  const std::string bytes = encode(full_record());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int flip : {0x01, 0x80}) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(changed[i] ^ flip);
      const auto read = decode_catalog(changed);
      // A checksum in capitals is the same checksum.
      if (read) {
        EXPECT_EQ(encode(*read), bytes) << "byte " << i;
        continue;
      }
      EXPECT_TRUE(read.error().code == ErrorCode::corruption ||
                  read.error().code == ErrorCode::unsupported_format);
    }
  }
}

TEST(CatalogRecordTest, EveryTruncationIsFound) {
  const std::string bytes = encode(full_record());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_catalog(std::string_view(bytes).substr(0, length))) << length;
  }
}

TEST(CatalogRecordTest, NewerVersionIsToldFromDamage) {
  const auto read = decode_catalog("restored-catalog 2 00000000\n{}");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::unsupported_format);
}

TEST(CatalogRecordTest, RulesOfARecord) {
  EXPECT_FALSE(broken_rule(full_record()));
  CatalogRecord record = full_record();
  record.state.live = 0;
  EXPECT_TRUE(broken_rule(record));
  record = full_record();
  record.state.live = 65;
  EXPECT_TRUE(broken_rule(record));
  record = full_record();
  record.state.previous = 9;
  EXPECT_TRUE(broken_rule(record));
  record = full_record();
  record.state.previous_until.reset();
  EXPECT_TRUE(broken_rule(record));
  record = full_record();
  record.state.base_backups.resize(5);
  EXPECT_TRUE(broken_rule(record));
}

}  // namespace
}  // namespace restored::catalog::test
