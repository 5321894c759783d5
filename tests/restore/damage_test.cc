// Backups that are not what they were: missing, cut short, changed in any byte. Each is a clear
// error, the old data serves, and nothing is left in staging. The host that restores has no file
// of its own that could stand in for a damaged one.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <set>

#include "format/manifest.h"
#include "support/temporary_directory.h"
#include "test_host.h"
#include "watched_store.h"

namespace restored::test {
namespace {

namespace fs = std::filesystem;

class DamageTest : public ::testing::Test {
 protected:
  DamageTest() : other_(directory_.file("other"), repository()) {
    TestHost maker(directory_.file("maker"), repository());
    maker.open();
    source_ = maker.make_database("orders");
    maker.put(source_, records("a:", 8, 1, 40));
    maker.back_up(source_);
    maker.put(source_, records("b:", 8, 2, 40));
    backup_ = maker.back_up(source_);
    new_ = maker.content(source_);
    maker.close();

    other_.seams.wrap_store = watch_.wrap();
    other_.open();
    target_ = other_.make_database("target");
    old_ = records("old:", 20, 3);
    other_.put(target_, old_);
  }
  void TearDown() override { other_.close(); }

  std::string repository() const { return directory_.file("repository"); }

  std::vector<std::string> files_below(const std::string& part) const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(repository() + "/" + part)) {
      if (entry.is_regular_file()) files.push_back(entry.path().string());
    }
    return files;
  }

  void expect_old_and_clean() {
    EXPECT_EQ(other_.content(target_), old_);
    EXPECT_TRUE(other_.staged_files(target_).empty());
    const DatabaseInfo info = other_.engine().database(target_).value();
    EXPECT_EQ(info.status, DatabaseStatus::ready);
    EXPECT_FALSE(info.operation.has_value());
  }

  // The restore fails with one of these codes; everything else is as it was.
  void expect_refused(const std::set<ErrorCode>& codes, const std::string& what) {
    const OperationView ended = other_.restore(target_, backup_);
    ASSERT_EQ(ended.state, OperationState::failed) << what;
    ASSERT_TRUE(ended.error.has_value()) << what;
    EXPECT_TRUE(codes.contains(ended.error->code)) << what << ": " << ended.error->message;
    EXPECT_FALSE(ended.error->message.empty());
    EXPECT_FALSE(ended.error->hint_text().empty()) << "the error says what to do";
    expect_old_and_clean();
  }

  // Every byte of the file, one bit each.
  void expect_every_flip_refused(const std::string& path, const std::set<ErrorCode>& codes) {
    const std::string whole = read_whole_file(path);
    for (std::size_t at = 0; at < whole.size() && !HasFailure(); ++at) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
      write_file(path, damaged);
      expect_refused(codes, path + " byte " + std::to_string(at));
    }
    write_file(path, whole);
  }

  void expect_restorable() {
    const OperationView ended = other_.restore(target_, backup_);
    ASSERT_EQ(ended.state, OperationState::succeeded) << ended.error->message;
    EXPECT_EQ(other_.content(target_), new_);
  }

  const TemporaryDirectory directory_{memory_directory()};
  StoreWatch watch_;
  TestHost other_;
  DatabaseId source_;
  DatabaseId target_;
  BackupId backup_;
  Content new_;
  Content old_;
};

TEST_F(DamageTest, AnyByteOfTheManifestChangedIsRefused) {
  expect_every_flip_refused(repository() + "/backups/" + backup_.value + "/manifest",
                            {ErrorCode::backup_not_usable});
  expect_restorable();
}

TEST_F(DamageTest, AnyByteOfTheFrameIndexChangedIsRefused) {
  expect_every_flip_refused(repository() + "/backups/" + backup_.value + "/frames",
                            {ErrorCode::backup_not_usable});
  expect_restorable();
}

TEST_F(DamageTest, AnyByteOfAnyObjectChangedIsRefused) {
  const std::vector<std::string> objects = files_below("objects");
  ASSERT_EQ(objects.size(), 2u);
  for (const std::string& object : objects) {
    expect_every_flip_refused(object, {ErrorCode::corruption});
  }
  expect_restorable();
}

TEST_F(DamageTest, AnyByteOfTheSummaryChangedHidesItOrNothingAndRestoresAllTheSame) {
  const std::string path = repository() + "/databases/" + source_.value + "/" + backup_.value;
  const std::string whole = read_whole_file(path);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    write_file(path, damaged);
    const auto listed = other_.engine().backups(source_);
    ASSERT_TRUE(listed) << at << ": " << listed.error().message;
    ASSERT_EQ(listed->size(), 1u) << "the other backup, at byte " << at;
  }
  expect_restorable();
}

TEST_F(DamageTest, AnythingCutShortIsRefused) {
  std::vector<std::string> paths = files_below("objects");
  paths.push_back(repository() + "/backups/" + backup_.value + "/manifest");
  paths.push_back(repository() + "/backups/" + backup_.value + "/frames");
  for (const std::string& path : paths) {
    const std::string whole = read_whole_file(path);
    for (const std::size_t kept :
         {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 1}) {
      write_file(path, whole.substr(0, kept));
      expect_refused({ErrorCode::backup_not_usable, ErrorCode::corruption},
                     path + " cut to " + std::to_string(kept));
    }
    write_file(path, whole);
  }
  expect_restorable();
}

TEST_F(DamageTest, AHalfDeletedBackupIsRefused) {
  for (const std::string& path : files_below("objects")) {
    const std::string whole = read_whole_file(path);
    fs::remove(path);
    expect_refused({ErrorCode::object_not_found}, path);
    write_file(path, whole);
  }
  const std::string frames = repository() + "/backups/" + backup_.value + "/frames";
  const std::string whole = read_whole_file(frames);
  fs::remove(frames);
  expect_refused({ErrorCode::backup_not_usable}, frames);
  write_file(frames, whole);
  expect_restorable();
  fs::remove(repository() + "/backups/" + backup_.value + "/manifest");
  EXPECT_EQ(other_.restore(target_, backup_).error->code, ErrorCode::backup_not_found);
}

TEST_F(DamageTest, ObjectsThatChangedPlacesAreRefused) {
  const std::vector<std::string> objects = files_below("objects");
  ASSERT_EQ(objects.size(), 2u);
  const std::string first = read_whole_file(objects[0]);
  const std::string second = read_whole_file(objects[1]);
  write_file(objects[0], second);
  write_file(objects[1], first);
  expect_refused({ErrorCode::corruption}, "swapped objects");
  write_file(objects[0], first);
  write_file(objects[1], second);
  expect_restorable();
}

TEST_F(DamageTest, AManifestOfAnotherBackupIsRefused) {
  std::set<std::string> manifests;
  for (const std::string& path : files_below("backups")) {
    if (path.ends_with("/manifest")) manifests.insert(path);
  }
  ASSERT_EQ(manifests.size(), 2u);
  const std::string mine = repository() + "/backups/" + backup_.value + "/manifest";
  const std::string whole = read_whole_file(mine);
  for (const std::string& other : manifests) {
    if (other != mine) write_file(mine, read_whole_file(other));
  }
  expect_refused({ErrorCode::backup_not_usable}, "the manifest of another backup");
  write_file(mine, whole);
  expect_restorable();
}

TEST_F(DamageTest, AManifestThatThisAgentCannotServeIsRefusedForItsReason) {
  const std::string path = repository() + "/backups/" + backup_.value + "/manifest";
  const std::string whole = read_whole_file(path);
  const auto refused_with = [&](const std::function<void(format::Manifest&)>& change,
                                const std::string& reason) {
    format::Manifest manifest = format::decode_manifest(whole).value();
    change(manifest);
    write_file(path, format::encode_manifest(manifest));
    const auto started = other_.start_restore(target_, backup_);
    ASSERT_FALSE(started);
    EXPECT_EQ(started.error().code, ErrorCode::backup_not_usable);
    EXPECT_NE(started.error().message.find(reason), std::string::npos) << started.error().message;
    expect_old_and_clean();
  };
  refused_with([](format::Manifest& manifest) { ++manifest.encoding_version; },
               "encoding version 2");
  refused_with([](format::Manifest& manifest) { manifest.comparator = "rocksdb.ReverseOrder"; },
               "rocksdb.ReverseOrder");
  write_file(path, whole);
  expect_restorable();
}

TEST_F(DamageTest, AManifestThatLiesAboutItsFilesIsFoundOutBeforeTheSwap) {
  const std::string path = repository() + "/backups/" + backup_.value + "/manifest";
  const std::string whole = read_whole_file(path);
  const auto found_out = [&](const std::function<void(format::ManifestFile&)>& change) {
    format::Manifest manifest = format::decode_manifest(whole).value();
    change(manifest.files[0]);
    write_file(path, format::encode_manifest(manifest));
    expect_refused({ErrorCode::corruption, ErrorCode::backup_not_usable}, "a lie");
  };
  found_out([](format::ManifestFile& file) { ++file.entries; });
  found_out([](format::ManifestFile& file) { ++file.deletions; });
  found_out([](format::ManifestFile& file) { file.largest_key += "x"; });
  found_out([](format::ManifestFile& file) { ++file.identity.original_file_number; });
  write_file(path, whole);
  expect_restorable();
}

TEST_F(DamageTest, AStoreThatStopsAnsweringHalfWayIsAFailureAndTheNextRestoreWorks) {
  for (const ErrorCode code : {ErrorCode::object_store_unavailable,
                               ErrorCode::store_permission_denied, ErrorCode::io_error}) {
    int reads = 0;
    watch_.before = [&reads, code](std::string_view call, std::string_view key) -> Result<void> {
      if (call == "read" && key.starts_with("objects/") && ++reads > 1) {
        return fail(code, "the objects cannot be read");
      }
      return {};
    };
    expect_refused({code}, "half way");
  }
  watch_.before = [](std::string_view call, std::string_view) -> Result<void> {
    if (call != "get") return {};
    return fail(ErrorCode::object_store_unavailable, "the store is away");
  };
  const auto refused = other_.start_restore(target_, backup_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::object_store_unavailable);
  expect_old_and_clean();
  watch_.before = nullptr;
  expect_restorable();
}

}  // namespace
}  // namespace restored::test
