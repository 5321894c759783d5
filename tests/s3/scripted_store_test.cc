// The store against servers that are strict, odd or busy in ways that the real one of the tests is
// not: what AWS and others ask for, and what happens to an object between two requests.
#include <gmock/gmock.h>

#include <algorithm>

#include "format/frame.h"
#include "gateway_store.h"
#include "restored/limits.h"
#include "seeded_runs.h"

namespace restored::test {
namespace {

using s3_server::Kind;
using testing::HasSubstr;

class ScriptedStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(server_, nullptr);
    server_->objects().make_bucket(bucket);
    store_ = open_quick(*server_);
  }
  static std::string whole_key(const std::string& key) { return std::string(prefix) + "/" + key; }
  Result<void> upload(const std::string& key, std::string_view first, std::string_view last) {
    RESTORED_TRY(const auto upload, store_->upload(key, {}, IfExists::keep));
    RESTORED_TRY(upload->append(bytes_of(first)));
    return upload->commit(bytes_of(last));
  }
  void expect_written(const Result<void>& written, const std::string& key,
                      std::string_view content) {
    ASSERT_TRUE(written) << written.error().message;
    const auto found = server_->objects().find(bucket, whole_key(key));
    ASSERT_TRUE(found);
    EXPECT_TRUE(*found->bytes == content);
  }

  const std::unique_ptr<s3_server::FaultServer> server_ = s3_server::FaultServer::start({});
  std::unique_ptr<ObjectStore> store_;
  const std::string part_ = random_text(limits::upload_part_bytes_min);
};

TEST_F(ScriptedStoreTest, PartsComeWithTheSumsThatWereDeclared) {
  expect_written(upload("objects/ab/one", part_, "end"), "objects/ab/one", part_ + "end");
  expect_written(store_->put("a", bytes_of("x"), {}), "a", "x");
}

TEST_F(ScriptedStoreTest, BucketWithObjectLockTakesEveryWrite) {
  server_->objects().set_rules({.object_lock = true});
  expect_written(upload("objects/ab/one", part_, "end"), "objects/ab/one", part_ + "end");
  expect_written(store_->put("a", bytes_of("x"), {}), "a", "x");
  expect_written(store_->put("empty", {}, {}), "empty", "");
}

TEST_F(ScriptedStoreTest, ServerThatRefusesChecksumsIsAskedWithoutThem) {
  server_->objects().set_rules({.knows_checksums = false});
  expect_written(upload("objects/ab/one", part_, "end"), "objects/ab/one", part_ + "end");
  EXPECT_EQ(server_->count(Kind::begin_upload), 2u);
  EXPECT_EQ(server_->count(Kind::put_part), 2u);
  expect_written(store_->put("a", bytes_of("x"), {}), "a", "x");
  EXPECT_EQ(server_->count(Kind::put), 1u) << "it was refused once already";
  const auto other = open_quick(*server_);
  ASSERT_TRUE(other->put("b", bytes_of("y"), {}));
  EXPECT_EQ(server_->count(Kind::put), 3u);
}

TEST_F(ScriptedStoreTest, PartThatIsDamagedOnTheWayIsSentAgain) {
  server_->fail_next(s3_server::Fault::flipped_bit, Kind::put_part, "one", 2);
  expect_written(upload("objects/ab/one", part_, "end"), "objects/ab/one", part_ + "end");
  EXPECT_EQ(server_->count(Kind::put_part), 4u);
}

// The bucket is shared, and the repository has no prefix of its own: legal, if not wise.
TEST_F(ScriptedStoreTest, UnfinishedUploadsOfOthersAreLeftAlone) {
  const std::vector<std::string> foreign{"data/ab/cd",  "backup.tar",  "objects",
                                         "objectsx/ab", "x/objects/a", "check.iso"};
  for (const std::string& key : foreign) server_->objects().begin_upload(bucket, key);
  const std::string ours = format::object_key(format::ContentId());
  for (const std::string& key : {ours, std::string("check/1-large")})
    server_->objects().begin_upload(bucket, key);
  const auto store = open_quick(*server_, "");
  const auto removed = store->remove_stale_uploads(0, {});
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(*removed, 2u);
  std::vector<std::string> left;
  for (const auto& upload : server_->objects().uploads(bucket)) left.push_back(upload.key);
  EXPECT_THAT(left, testing::UnorderedElementsAreArray(foreign));
}

// restored itself replaces its documents, and any host may do so while another one reads.
class ReplacedDocumentTest : public ScriptedStoreTest, public testing::WithParamInterface<bool> {
 protected:
  // A read that is cut short, of one content after another: each time it goes on it finds the next.
  // The last one can be read to its end.
  Result<std::string> read_while_replaced(const std::vector<std::string>& contents) {
    server_->objects().set_rules({.knows_conditions = GetParam()});
    server_->before_answers([&](const s3_server::S3Request& request) {
      if (request.kind != Kind::get) return;
      const std::uint64_t nth = server_->count(Kind::get);
      const std::size_t last = contents.size() - 1;
      const std::size_t now = std::min<std::size_t>(nth / 2, last);
      server_->objects().put(bucket, whole_key("doc"), contents[now]);
      if (nth % 2 == 1 && now < last)
        server_->fail_next(s3_server::Fault::truncated, Kind::get, "doc");
    });
    auto got = store_->get("doc", 1 * kMiB, {});
    server_->before_answers({});
    return got;
  }
};

TEST_P(ReplacedDocumentTest, IsReadAnew) {
  for (const std::size_t bytes : {50'000u, 60'000u, 40'000u, 10u}) {
    server_->no_faults();
    const std::string after = random_text(bytes, 2);
    const auto got = read_while_replaced({random_text(50'000, 1), after});
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_TRUE(*got == after) << bytes;
  }
}

TEST_P(ReplacedDocumentTest, IsGivenUpInTheEnd) {
  std::vector<std::string> contents;
  for (unsigned seed = 0; seed < 20; ++seed) contents.push_back(random_text(50'000, seed + 1));
  const auto got = read_while_replaced(contents);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::object_changed) << got.error().message;
  EXPECT_EQ(server_->count(Kind::get), 2 * (limits::object_reads_again_max + 1));
}

INSTANTIATE_TEST_SUITE_P(, ReplacedDocumentTest, testing::Values(true, false),
                         [](const auto& knows) {
                           return knows.param ? "ServerKnowsConditions" : "ServerKnowsNone";
                         });

TEST_F(ScriptedStoreTest, DocumentLongerThanAskedIsCorruptionWhateverTellsItsLength) {
  for (const std::size_t bytes :
       {std::size_t{1'001}, limits::store_error_bytes_max + 1, 3 * kMiB}) {
    server_->objects().put(bucket, whole_key("doc"), random_text(bytes));
    for (const auto fault :
         {s3_server::Fault::none, s3_server::Fault::chunked, s3_server::Fault::length_missing}) {
      server_->no_faults();
      server_->fail_next(fault, Kind::get, "doc", 100);
      const auto got = store_->get("doc", 1'000, {});
      ASSERT_FALSE(got);
      EXPECT_EQ(got.error().code, ErrorCode::corruption) << got.error().message;
      EXPECT_EQ(server_->count(Kind::get), 1u) << bytes << ' ' << name(fault);
      const auto fits = store_->get("doc", bytes, {});
      ASSERT_TRUE(fits) << fits.error().message;
      EXPECT_EQ(fits->size(), bytes);
    }
  }
}

}  // namespace
}  // namespace restored::test
