// What a restore reads of a repository, damaged in every way, through a whole engine that has no
// file of its own to stand in for a damaged one.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "scene.h"

namespace restored::corruption_test {
namespace {

namespace fs = std::filesystem;

enum class Allowed { detected, either };

class RepositoryCorruptionTest : public ::testing::TestWithParam<bool> {
 protected:
  RepositoryCorruptionTest() : scene_(GetParam()), host_(state(), scene_.repository()) {
    host_.options.encryption.key_file = scene_.key_file;
    host_.options.io_uring = false;  // a ring a host is more than such small files need
    host_.seams.wrap_store = changes_.wrap();
    host_.open();
    target_ = host_.make_database("target");
    old_ = records("old:", 5, 3);
    host_.put(target_, old_);
    // Repository file and keys are read once, before anything is damaged.
    EXPECT_EQ(host_.engine().backups(scene_.source)->size(), 3u);
  }
  void TearDown() override {
    changes_.clear();
    const OperationView ended = host_.restore(target_, scene_.newer);
    EXPECT_EQ(ended.state, OperationState::succeeded) << "undamaged, it restores";
    EXPECT_EQ(host_.content(target_), scene_.newer_content);
    host_.close();
  }

  std::string state() const { return scene_.directory.file("state"); }
  std::string shape() const { return GetParam() ? " (encrypted)" : ""; }

  // That it names the place: the backup or the key for a document, the file or the object for an
  // object.
  bool names_place(const std::string& message, const std::string& key) const {
    const std::string name = fs::path(key).filename().string();
    if (key.starts_with("objects/"))
      return message.find(".sst") != std::string::npos || message.find(name) != std::string::npos;
    return message.find(scene_.newer.value) != std::string::npos ||
           message.find(key) != std::string::npos;
  }

  void restore_damaged(const std::string& key, const std::string& how, Allowed allowed,
                       Tally& tally) {
    const OperationView ended = host_.restore(target_, scene_.newer);
    const std::string what = key + " " + how;
    if (ended.state == OperationState::succeeded) {
      ++tally.harmless;
      EXPECT_EQ(allowed, Allowed::either) << what << " went unnoticed";
      EXPECT_EQ(host_.content(target_), scene_.newer_content) << what << " was restored";
      const Result<OperationView> undone = host_.engine().start_undo(target_, "test");
      ASSERT_TRUE(undone) << undone.error().message;
      ASSERT_EQ(host_.wait(undone->id).state, OperationState::succeeded);
    } else {
      ++tally.detected;
      ASSERT_TRUE(ended.error.has_value()) << what;
      EXPECT_TRUE(names_place(ended.error->message, key)) << what << ": " << ended.error->message;
      EXPECT_NE(ended.error->code, ErrorCode::internal) << what << ": " << ended.error->message;
      EXPECT_FALSE(ended.error->hint_text().empty()) << what << ": " << ended.error->message;
    }
    EXPECT_EQ(host_.content(target_), old_) << what;
    EXPECT_TRUE(host_.staged_files(target_).empty()) << what;
    EXPECT_EQ(host_.engine().database(target_)->status, DatabaseStatus::ready) << what;
    changes_.clear();
  }

  Scene scene_;
  Changes changes_;
  TestHost host_;
  Choice choice_;
  DatabaseId target_;
  Content old_;
};

TEST_P(RepositoryCorruptionTest, AnyChangedByteIsDetected) {
  for (const std::string& key : scene_.read_by_a_restore()) {
    Tally tally("flipped " + key.substr(0, 40) + shape());
    const std::string& whole = scene_.files.at(key);
    for (const std::size_t at : choice_.positions(whole.size(), 70)) {
      changes_.set(key, choice_.flipped(whole, at));
      restore_damaged(key, "changed at " + std::to_string(at), Allowed::detected, tally);
      if (HasFailure()) return;
    }
  }
}

TEST_P(RepositoryCorruptionTest, AnyCutIsDetected) {
  for (const std::string& key : scene_.read_by_a_restore()) {
    Tally tally("cut " + key.substr(0, 40) + shape());
    const std::string& whole = scene_.files.at(key);
    for (const std::size_t kept : choice_.positions(whole.size(), 50)) {
      changes_.set(key, whole.substr(0, kept));
      restore_damaged(key, "cut to " + std::to_string(kept), Allowed::detected, tally);
      if (HasFailure()) return;
    }
  }
}

// Behind the last frame of an object a restore reads nothing; a verification looks at its size.
TEST_P(RepositoryCorruptionTest, AddedBytesAreDetectedOrNotRead) {
  Tally tally("longer than they were" + shape());
  for (const std::string& key : scene_.read_by_a_restore()) {
    const std::string& whole = scene_.files.at(key);
    const bool object = key.starts_with("objects/");
    for (const std::string& added : {std::string(1, '\0'), std::string("\n"), whole}) {
      changes_.set(key, whole + added);
      if (object) {
        const auto verified = host_.engine().start_verify(scene_.newer, VerifyDepth::full, "test");
        ASSERT_TRUE(verified) << verified.error().message;
        EXPECT_EQ(host_.wait(verified->id).state, OperationState::failed) << key;
      }
      restore_damaged(key, "with " + std::to_string(added.size()) + " bytes more",
                      object ? Allowed::either : Allowed::detected, tally);
      if (HasFailure()) return;
    }
    changes_.clear();
  }
}

// Before anything has been restored: what is here already is not read from the repository.
TEST_P(RepositoryCorruptionTest, ARemovedFileIsDetected) {
  Tally tally("removed" + shape());
  for (const std::string& key : scene_.read_by_a_restore()) {
    changes_.set(key, std::nullopt);
    // The message of a missing object names it; a missing manifest is a missing backup.
    restore_damaged(key, "removed", Allowed::detected, tally);
    if (HasFailure()) return;
  }
}

// Documents and objects of the older backup in the place of the newer one's are among these.
TEST_P(RepositoryCorruptionTest, AnyFileInThePlaceOfAnotherIsDetected) {
  Tally tally("replaced by another file of the repository" + shape());
  for (const std::string& key : scene_.read_by_a_restore()) {
    for (const auto& [other, bytes] : scene_.files) {
      if (other == key) continue;
      changes_.set(key, bytes);
      restore_damaged(key, "replaced by " + other, Allowed::detected, tally);
      if (HasFailure()) return;
    }
  }
}

TEST_P(RepositoryCorruptionTest, AnOlderBackupReplayedIsDetected) {
  Tally tally("replayed from the older backup" + shape());
  for (const char* name : {"manifest", "frames", "contents"}) {
    changes_.set(scene_.document(scene_.newer, name),
                 scene_.files.at(scene_.document(scene_.older, name)));
  }
  changes_.set("databases/" + scene_.source.value + "/" + scene_.newer.value,
               scene_.files.at("databases/" + scene_.source.value + "/" + scene_.older.value));
  restore_damaged(scene_.document(scene_.newer, "manifest"), "replayed whole", Allowed::detected,
                  tally);
}

// Another repository, with the same operator's key; its files have other contents under names of
// the same kind.
TEST_P(RepositoryCorruptionTest, FilesOfAnotherRepositoryAreDetected) {
  Tally tally("replaced by a file of another repository" + shape());
  const std::string place = scene_.directory.file("foreign");
  TestHost maker(scene_.directory.file("foreigner"), place);
  maker.options.encryption.key_file = scene_.key_file;
  maker.open();
  const DatabaseId database = maker.make_database("orders");
  maker.put(database, records("a:", 8, 9, 40));
  maker.back_up(database);
  maker.close();
  for (const std::string& key : scene_.read_by_a_restore()) {
    for (const auto& [other, bytes] : Scene::files_of(place)) {
      changes_.set(key, bytes);
      restore_damaged(key, "replaced by the foreign " + other, Allowed::detected, tally);
      if (HasFailure()) return;
    }
  }
}

// Nothing of it is read: listing, collecting and the next start are what it is for. Those have
// their own cases (documents_test).
TEST_P(RepositoryCorruptionTest, WhatARestoreDoesNotReadIsHarmlessToIt) {
  Tally tally("not read by a restore" + shape());
  const auto read = scene_.read_by_a_restore();
  for (const auto& [key, whole] : scene_.files) {
    if (std::ranges::find(read, key) != read.end()) continue;
    changes_.set(key, choice_.flipped(whole, whole.size() / 2));
    restore_damaged(key, "changed", Allowed::either, tally);
    if (HasFailure()) return;
  }
  EXPECT_EQ(tally.detected, 0u);
}

INSTANTIATE_TEST_SUITE_P(Repository, RepositoryCorruptionTest, ::testing::Bool(),
                         [](const auto& shape) { return shape.param ? "Encrypted" : "Plain"; });

}  // namespace
}  // namespace restored::corruption_test
