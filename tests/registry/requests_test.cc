// What is remembered of requests: claims, answers, and the audit.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "open_registry.h"
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
  std::vector<std::string> databases(const AuditQuery& query) {
    std::vector<std::string> found;
    const AuditPage page = requests().audit(query).value();
    for (const AuditEntry& entry : page.entries) found.push_back(entry.database.value);
    return found;
  }
};

TEST_F(RequestsTest, ARepetitionGetsTheAnswerAlsoAfterARestart) {
  auto first = requests().claim("key", "content", now);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->claim.held());
  EXPECT_FALSE(first->answer);
  ASSERT_TRUE(requests().record({}, &first->claim, "made"));
  first->claim.release();
  for (int round = 0; round < 2; ++round) {
    const auto again = requests().claim("key", "content", now + 1);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->answer, "made");
    EXPECT_FALSE(again->claim.held());
    EXPECT_EQ(requests().claim("key", "other", now).error().code,
              ErrorCode::idempotency_key_reused);
    reopen();
  }
}

TEST_F(RequestsTest, AClaimWithoutAnAnswerIsCarriedOutAgainWithTheSameSalt) {
  std::string salt;
  {
    const auto cut_off = requests().claim("key", "content", now);
    ASSERT_TRUE(cut_off);
    salt = cut_off->salt;
    EXPECT_EQ(salt.size(), 43u);
  }
  EXPECT_EQ(requests().claim("key", "content", now)->salt, salt) << "it was released";
  reopen();
  EXPECT_EQ(requests().claim("key", "content", now)->salt, salt);
  EXPECT_EQ(requests().claim("key", "other", now).error().code, ErrorCode::idempotency_key_reused);
  EXPECT_NE(requests().claim("another", "content", now)->salt, salt);
}

TEST_F(RequestsTest, OneRunsAtATime) {
  const auto running = requests().claim("key", "content", now);
  ASSERT_TRUE(running);
  EXPECT_EQ(requests().claim("key", "content", now).error().code,
            ErrorCode::idempotency_key_in_use);
  EXPECT_EQ(requests().claim("key", "other", now).error().code, ErrorCode::idempotency_key_reused);
  EXPECT_TRUE(requests().claim("another", "content", now));
}

TEST_F(RequestsTest, OfManyAtOnceOneIsCarriedOut) {
  std::atomic<int> carried_out = 0;
  std::vector<std::jthread> clients;
  for (int client = 0; client < 8; ++client) {
    clients.emplace_back([&] {
      for (int round = 0; round < 20; ++round) {
        auto claimed = requests().claim("key", "content", now);
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
    auto claimed = requests().claim(key, "content", key[0] == 'o' ? now - day : now);
    ASSERT_TRUE(requests().record({}, &claimed->claim, key));
  }
  ASSERT_TRUE(requests().forget_old(now));
  EXPECT_EQ(requests().claim("young", "content", now)->answer, "young");
  ASSERT_TRUE(requests().forget_old(now + 1));
  for (int round = 0; round < 2; ++round) {
    EXPECT_FALSE(requests().claim("old", "another", now)->answer);
    EXPECT_EQ(requests().claim("young", "content", now)->answer, "young");
    reopen();
  }
}

TEST_F(RequestsTest, ARunningRequestIsNotForgotten) {
  auto running = requests().claim("key", "content", now - 2 * day);
  ASSERT_TRUE(requests().forget_old(now));
  ASSERT_TRUE(requests().record({}, &running->claim, "made"));
  running->claim.release();
  EXPECT_EQ(requests().claim("key", "content", now - 2 * day)->answer, "made");
}

TEST_F(RequestsTest, AClaimIsReleasedOnce) {
  auto first = requests().claim("one", "content", now);
  auto second = requests().claim("two", "content", now);
  first->claim = std::move(second->claim);
  EXPECT_TRUE(requests().claim("one", "content", now)) << "what was held was released";
  EXPECT_FALSE(requests().claim("two", "content", now));
  RequestClaim& itself = first->claim;
  first->claim = std::move(itself);
  EXPECT_FALSE(requests().claim("two", "content", now));
  {
    const RequestClaim taken(std::move(first->claim));
    EXPECT_FALSE(requests().claim("two", "content", now));
  }
  EXPECT_TRUE(requests().claim("two", "content", now));
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
  EXPECT_EQ(read.code, "database-busy");
  EXPECT_TRUE(read.replayed);
  EXPECT_EQ(read.unrecorded, 3u);
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

}  // namespace
}  // namespace restored::registry
