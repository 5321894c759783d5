// What is remembered of requests: claims, answers, and the audit.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "open_registry.h"
#include "registry/audit_log.h"
#include "restored/limits.h"

namespace restored::registry {
namespace {

constexpr UnixMillis now = 1'700'000'000'000;
constexpr UnixMillis day = 24 * 3600 * 1000;

class RequestsTest : public OpenRegistryTest {
 protected:
  RequestRecords& requests() { return registry_->requests(); }
  void append(const std::string& database, UnixMillis at = now) {
    AuditEntry entry;
    entry.at = entry.ended_at = at;
    entry.database = DatabaseId(database);
    ASSERT_TRUE(requests().record(entry));
  }
  Result<RequestRecords::Claimed> claim(const std::string& key, const std::string& fingerprint,
                                        UnixMillis at) {
    AuditEntry begun;
    begun.at = at;
    return requests().claim(key, fingerprint, at, begun);
  }
  std::vector<std::string> databases(const AuditQuery& query) {
    std::vector<std::string> found;
    const AuditPage page = requests().audit(query).value();
    for (const AuditEntry& entry : page.entries) found.push_back(entry.database.value);
    return found;
  }
};

TEST_F(RequestsTest, ARepetitionGetsTheAnswerAlsoAfterARestart) {
  auto first = claim("key", "content", now);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->claim.held());
  EXPECT_FALSE(first->answer);
  ASSERT_TRUE(requests().record({}, &first->claim, "made"));
  first->claim.release();
  for (int round = 0; round < 2; ++round) {
    const auto again = claim("key", "content", now + 1);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->answer, "made");
    EXPECT_FALSE(again->claim.held());
    EXPECT_EQ(claim("key", "other", now).error().code, ErrorCode::idempotency_key_reused);
    reopen();
  }
}

TEST_F(RequestsTest, AClaimWithoutAnAnswerIsCarriedOutAgainWithTheSameSalt) {
  std::string salt;
  {
    const auto cut_off = claim("key", "content", now);
    ASSERT_TRUE(cut_off);
    salt = cut_off->salt;
    EXPECT_EQ(salt.size(), 43u);
  }
  EXPECT_EQ(claim("key", "content", now)->salt, salt) << "it was released";
  reopen();
  EXPECT_EQ(claim("key", "content", now)->salt, salt);
  EXPECT_EQ(claim("key", "other", now).error().code, ErrorCode::idempotency_key_reused);
  EXPECT_NE(claim("another", "content", now)->salt, salt);
}

TEST_F(RequestsTest, OneRunsAtATime) {
  const auto running = claim("key", "content", now);
  ASSERT_TRUE(running);
  EXPECT_EQ(claim("key", "content", now).error().code, ErrorCode::idempotency_key_in_use);
  EXPECT_EQ(claim("key", "other", now).error().code, ErrorCode::idempotency_key_reused);
  EXPECT_TRUE(claim("another", "content", now));
}

TEST_F(RequestsTest, OfManyAtOnceOneIsCarriedOut) {
  std::atomic<int> carried_out = 0;
  std::vector<std::jthread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        auto claimed = claim("key", "content", now);
        if (!claimed) {
          EXPECT_EQ(claimed.error().code, ErrorCode::idempotency_key_in_use);
        } else if (claimed->answer) {
          EXPECT_EQ(claimed->answer, "made");
        } else {
          ++carried_out;
          EXPECT_TRUE(requests().record({}, &claimed->claim, "made"));
        }
      }
    });
  }
  clients.clear();
  EXPECT_EQ(carried_out, 1);
}

TEST_F(RequestsTest, AnswersAreForgottenAfterADay) {
  for (const char* key : {"old", "young"}) {
    auto claimed = claim(key, "content", key[0] == 'o' ? now - day : now);
    ASSERT_TRUE(requests().record({}, &claimed->claim, key));
  }
  ASSERT_TRUE(requests().forget_old(now));
  EXPECT_EQ(claim("young", "content", now)->answer, "young");
  ASSERT_TRUE(requests().forget_old(now + 1));
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(claim("old", "another", now)->answer);
    EXPECT_EQ(claim("young", "content", now)->answer, "young");
    reopen();
  }
}

TEST_F(RequestsTest, ARunningRequestIsNotForgotten) {
  auto running = claim("key", "content", now - 2 * day);
  ASSERT_TRUE(requests().forget_old(now));
  ASSERT_TRUE(requests().record({}, &running->claim, "made"));
  running->claim.release();
  EXPECT_EQ(claim("key", "content", now - 2 * day)->answer, "made");
}

TEST_F(RequestsTest, AClaimIsReleasedOnce) {
  auto first = claim("one", "content", now);
  auto second = claim("two", "content", now);
  first->claim = std::move(second->claim);
  EXPECT_TRUE(claim("one", "content", now)) << "what was held was released";
  EXPECT_FALSE(claim("two", "content", now));
  RequestClaim& itself = first->claim;
  first->claim = std::move(itself);
  EXPECT_FALSE(claim("two", "content", now));
  {
    const RequestClaim taken(std::move(first->claim));
    EXPECT_FALSE(claim("two", "content", now));
  }
  EXPECT_TRUE(claim("two", "content", now));
}

TEST_F(RequestsTest, TheAuditGrowsInOrderAndIsReadBackwards) {
  for (const char* database : {"a", "b", "a", "c"}) append(database);
  reopen();
  append("d");
  EXPECT_EQ(databases({.limit = 10}), (std::vector<std::string>{"d", "c", "a", "b", "a"}));
  const AuditPage page = *requests().audit({.limit = 2});
  ASSERT_EQ(page.entries.size(), 2u);
  EXPECT_EQ(page.entries[0].sequence, 5u);
  EXPECT_EQ(databases({.before = page.next_before, .limit = 2}),
            (std::vector<std::string>{"a", "b"}));
  const AuditPage last = *requests().audit({.before = 2, .limit = 2});
  EXPECT_EQ(last.entries.size(), 1u);
  EXPECT_EQ(last.next_before, 0u) << "there is nothing older";
  EXPECT_EQ(databases({.limit = 10, .database = DatabaseId("a")}),
            (std::vector<std::string>{"a", "a"}));
}

TEST_F(RequestsTest, AnEntryReadsBackAsItWasWritten) {
  AuditEntry entry;
  entry.at = now;
  entry.ended_at = now + 5;
  entry.request_id = "r";
  entry.principal = "token:ci";
  entry.token = TokenId("t");
  entry.peer = "uid=0 pid=1";
  entry.method = "POST";
  entry.path = "/v1/\xff";
  entry.database = DatabaseId("d");
  entry.source_database = DatabaseId("s");
  entry.backup = BackupId("b");
  entry.operation = OperationId("o");
  entry.subject = "c";
  entry.status = 409;
  entry.outcome = "failed";
  entry.code = "database-busy";
  entry.replayed = true;
  entry.unrecorded = 3;
  ASSERT_TRUE(requests().record(entry));
  reopen();
  const AuditEntry read = requests().audit({.limit = 1})->entries.at(0);
  EXPECT_EQ(read.sequence, 1u);
  EXPECT_EQ(read.at, now);
  EXPECT_EQ(read.ended_at, now + 5);
  EXPECT_EQ(read.request_id, "r");
  EXPECT_EQ(read.principal, "token:ci");
  EXPECT_EQ(read.token.value, "t");
  EXPECT_EQ(read.peer, "uid=0 pid=1");
  EXPECT_EQ(read.method, "POST");
  EXPECT_EQ(read.path, "/v1/\xef\xbf\xbd") << "JSON is UTF-8";
  EXPECT_EQ(read.database.value, "d");
  EXPECT_EQ(read.source_database.value, "s");
  EXPECT_EQ(read.backup.value, "b");
  EXPECT_EQ(read.operation.value, "o");
  EXPECT_EQ(read.subject, "c");
  EXPECT_EQ(read.status, 409);
  EXPECT_EQ(read.event, AuditEvent::request);
  EXPECT_EQ(read.outcome, "failed");
  EXPECT_EQ(read.code, "database-busy");
  EXPECT_TRUE(read.replayed);
  EXPECT_EQ(read.unrecorded, 3u);
}

TEST_F(RequestsTest, WhatIsBegunIsOnRecordBeforeItsEndIs) {
  AuditEntry entry;
  entry.at = now;
  entry.path = "/v1/databases";
  const Result<std::uint64_t> sequence = requests().begin(entry);
  ASSERT_TRUE(sequence);
  auto claimed = claim("key", "content", now);
  ASSERT_TRUE(claimed);
  append("between");
  claimed->claim.release();
  reopen();
  AuditPage page = *requests().audit({.limit = 10});
  ASSERT_EQ(page.entries.size(), 3u);
  EXPECT_EQ(page.entries[2].sequence, *sequence);
  EXPECT_EQ(page.entries[2].ended_at, 0);
  EXPECT_EQ(page.entries[1].sequence, claimed->sequence);

  entry.sequence = *sequence;
  entry.ended_at = now + 1;
  entry.status = 201;
  ASSERT_TRUE(requests().record(entry));
  reopen();
  page = *requests().audit({.limit = 10});
  ASSERT_EQ(page.entries.size(), 3u) << "its end is no entry of its own";
  EXPECT_EQ(page.entries[2].status, 201);
  EXPECT_EQ(page.entries[2].path, "/v1/databases");
}

// However often somebody is refused, what was done stays on record.
TEST_F(RequestsTest, WhatChangedNothingPushesOutNothing) {
  append("done");
  AuditEntry refused;
  refused.at = refused.ended_at = now;
  for (const bool begun : {false, true}) {
    refused.sequence = begun ? requests().begin(refused).value() : 0;
    refused.status = begun ? 409 : 200;
    refused.replayed = !begun;
    refused.changed_nothing = true;
    refused.database = DatabaseId(begun ? "refused" : "replayed");
    ASSERT_TRUE(requests().record(refused));
    refused.status = 0;
    refused.replayed = refused.changed_nothing = false;
  }
  append("later");
  const std::vector<std::string> all{"later", "refused", "replayed", "done"};
  EXPECT_EQ(databases({.limit = 10}), all);
  reopen();
  EXPECT_EQ(databases({.limit = 10}), all) << "in the order of their beginning";
  for (std::size_t limit = 1; limit <= 4; ++limit) {
    std::vector<std::string> found;
    AuditQuery query{.limit = limit};
    do {
      const AuditPage page = *requests().audit(query);
      for (const AuditEntry& entry : page.entries) found.push_back(entry.database.value);
      query.before = page.next_before;
    } while (query.before != 0);
    EXPECT_EQ(found, all) << limit << " at a time";
  }
}

TEST_F(RequestsTest, TheOldestAreForgottenOfEachKindApart) {
  auto store = catalog::RecordStore::open(directory_.file("log"));
  ASSERT_TRUE(store);
  constexpr AuditRoom room{.done = 3, .idle = 2};
  const auto all = [](const AuditLog& log) {
    std::vector<std::string> found;
    const AuditPage page = *log.read({.limit = 100});
    for (const AuditEntry& entry : page.entries) found.push_back(entry.path);
    return found;
  };
  AuditLog log(**store, room);
  ASSERT_TRUE(log.load());
  AuditEntry entry;
  entry.at = entry.ended_at = now;
  for (int count = 0; count < 6; ++count) {
    entry.path = "done " + std::to_string(count);
    entry.changed_nothing = false;
    ASSERT_TRUE(log.write(entry));
    entry.path = "refused " + std::to_string(count);
    entry.changed_nothing = true;
    ASSERT_TRUE(log.write(entry));
  }
  ASSERT_TRUE(log.forget(now));
  const std::vector<std::string> kept{"refused 5", "done 5", "refused 4", "done 4", "done 3"};
  EXPECT_EQ(all(log), kept);
  AuditLog again(**store, room);
  ASSERT_TRUE(again.load());
  ASSERT_TRUE(again.forget(now));
  EXPECT_EQ(all(again), kept);
  entry.path = "next";
  entry.changed_nothing = false;
  EXPECT_EQ(again.write(entry).value(), 13u) << "numbers go on";
  ASSERT_TRUE((*store)->close());
}

TEST_F(RequestsTest, TheEndOfAnOperationIsOnRecordOnce) {
  OperationRecord record;
  record.view.id = OperationId("operation");
  record.view.database = DatabaseId("target");
  record.view.source_database = DatabaseId("source");
  record.view.backup = BackupId("backup");
  record.view.principal = "token:a uid=b uid=0 pid=1";
  record.view.created_at = now;
  ASSERT_TRUE(registry_->put_operation(record));
  EXPECT_EQ(databases({.limit = 10}).size(), 0u);
  record.view.state = OperationState::failed;
  record.view.error = Error{ErrorCode::corruption, "frame 17", {}};
  record.view.ended_at = now + 7;
  for (int count = 0; count < 2; ++count) ASSERT_TRUE(registry_->put_operation(record));
  reopen();
  ASSERT_TRUE(registry_->put_operation(record));
  const AuditPage page = *requests().audit({.limit = 10});
  ASSERT_EQ(page.entries.size(), 1u);
  const AuditEntry& entry = page.entries[0];
  EXPECT_EQ(entry.event, AuditEvent::operation_end);
  EXPECT_EQ(entry.at, now);
  EXPECT_EQ(entry.ended_at, now + 7);
  EXPECT_EQ(entry.operation.value, "operation");
  EXPECT_EQ(entry.database.value, "target");
  EXPECT_EQ(entry.source_database.value, "source");
  EXPECT_EQ(entry.backup.value, "backup");
  EXPECT_EQ(entry.principal, "token:a uid=b");
  EXPECT_EQ(entry.peer, "uid=0 pid=1");
  EXPECT_EQ(entry.outcome, "failed");
  EXPECT_EQ(entry.code, "corrupt-data");

  record.view.state = OperationState::succeeded;
  record.view.error.reset();
  for (int count = 0; count < 2; ++count) ASSERT_TRUE(registry_->put_operation(record));
  const AuditPage corrected = *requests().audit({.limit = 10});
  ASSERT_EQ(corrected.entries.size(), 2u) << "what turned out to be otherwise is on record, too";
  EXPECT_EQ(corrected.entries[0].outcome, "succeeded");
}

// Who arrives first may be recorded last.
TEST_F(RequestsTest, ABeginningInTimeMissesNothing) {
  append("waited long", now);
  append("first", now + 500'000);
  append("second", now + 400'000);
  append("arrived early, begun late", now + 1);
  EXPECT_EQ(databases({.limit = 10, .since = now + 300'000}),
            (std::vector<std::string>{"second", "first"}));
}

TEST_F(RequestsTest, EntriesAreForgottenAfterAYear) {
  const UnixMillis year = static_cast<UnixMillis>(limits::audit_seconds) * 1000;
  append("old", now - year - 1);
  append("kept", now - year);
  append("young", now);
  ASSERT_TRUE(requests().forget_old(now));
  const std::vector<std::string> kept{"young", "kept"};
  EXPECT_EQ(databases({.limit = 10}), kept);
  reopen();
  EXPECT_EQ(databases({.limit = 10}), kept);
  append("next");
  EXPECT_EQ(requests().audit({.limit = 1})->entries.at(0).sequence, 4u) << "numbers go on";
  EXPECT_EQ(databases({.limit = 10, .since = now}), (std::vector<std::string>{"next", "young"}));
}

TEST_F(RequestsTest, ARemovalByRetentionIsReadBackWithItsReason) {
  AuditEntry entry;
  entry.event = AuditEvent::retention_removal;
  entry.at = now;
  entry.principal = "schedule";
  entry.backup = BackupId("b");
  entry.reason = "older than 7 days";
  const Result<std::uint64_t> sequence = requests().begin(entry);
  ASSERT_TRUE(sequence);
  reopen();
  const AuditEntry begun = requests().audit({.limit = 1})->entries.at(0);
  EXPECT_EQ(begun.event, AuditEvent::retention_removal);
  EXPECT_EQ(begun.reason, "older than 7 days");
  EXPECT_EQ(begun.ended_at, 0);
  entry.sequence = *sequence;
  entry.ended_at = now + 5;
  entry.outcome = "succeeded";
  ASSERT_TRUE(requests().record(entry));
  const AuditPage page = *requests().audit({.limit = 10, .since = now, .principal = "schedule"});
  ASSERT_EQ(page.entries.size(), 1u);
  EXPECT_EQ(page.entries[0].outcome, "succeeded");
  // Written before there were reasons.
  const Result<AuditEntry> old = decode_audit(
      "audit/1",
      R"({"version":1,"order":1,"event":"request","at":1,"endedAt":2,"recordedAt":2,"requestId":"r",)"
      R"("principal":"p","token":"t","peer":"","method":"POST","path":"/","database":"",)"
      R"("sourceDatabase":"","backup":"","operation":"","subject":"","status":200,"outcome":"",)"
      R"("code":"","replayed":false,"unrecorded":0})");
  ASSERT_TRUE(old) << old.error().message;
  EXPECT_EQ(old->reason, "");
}

}  // namespace
}  // namespace restored::registry
