// The documents that a restore does not read, or not each time: the repository file and the keys,
// which are read when an engine opens the repository; contents, by which collections keep objects;
// summaries, by which backups are listed. And all that load() reads, every byte of it in every
// form.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "backup/repository.h"
#include "io/file_system.h"
#include "scene.h"
#include "store/open_store.h"

namespace restored::corruption_test {
namespace {

using backup::Repository;

class DocumentCorruptionTest : public ::testing::TestWithParam<bool> {
 protected:
  DocumentCorruptionTest() : scene_(GetParam()) {
    store_ = changes_.wrap()(
        store::open_store("file://" + scene_.repository(), io::system_files(), nullptr).value());
    const backup::KeyRing ring = scene_.ring();
    const auto repository = Repository::open(*store_, {}, Repository::IfEmpty::refuse, ring);
    EXPECT_TRUE(repository);
    id_ = (*repository)->id();
    loaded_ = (*repository)->load(scene_.newer, {}).value();
    contents_ = (*repository)->contents(scene_.newer, {}).value();
    summaries_ = (*repository)->list(scene_.source, {}).value();
    EXPECT_EQ(summaries_.size(), 3u);
  }
  std::string shape() const { return GetParam() ? " (encrypted)" : ""; }
  std::string key_of(const std::string& prefix) const {
    for (const auto& [key, bytes] : scene_.files)
      if (key.starts_with(prefix)) return key;
    return {};
  }

  // Opens and loads as a new host does. An error; or, where there is a second copy that is whole,
  // exactly what was there.
  void open_damaged(const std::string& key, const std::string& how, bool has_whole_copy,
                    Tally& tally) {
    const std::string what = key + " " + how;
    const backup::KeyRing ring = scene_.ring();
    const auto error = [&]() -> Result<void> {
      RESTORED_TRY(const auto repository,
                   Repository::open(*store_, {}, Repository::IfEmpty::refuse, ring));
      EXPECT_EQ(repository->id(), id_) << what;
      RESTORED_TRY(const backup::LoadedBackup found, repository->load(scene_.newer, {}));
      EXPECT_EQ(found.manifest, loaded_.manifest) << what;
      EXPECT_EQ(found.frames, loaded_.frames) << what;
      return {};
    }();
    changes_.clear();
    if (error) {
      ++tally.harmless;
      EXPECT_TRUE(has_whole_copy) << what << " went unnoticed";
      return;
    }
    ++tally.detected;
    const std::string& message = error.error().message;
    const std::string name = std::filesystem::path(key).filename().string();
    EXPECT_TRUE(message.find(name) != std::string::npos ||
                message.find(scene_.newer.value) != std::string::npos ||
                message.find(std::filesystem::path(key).parent_path().filename().string()) !=
                    std::string::npos)
        << what << ": " << message;
  }

  // With a second copy: the first one alone, which is mended from it, and both.
  void damage_in_every_way(const std::string& key, std::size_t wanted) {
    Tally tally("opened with a damaged " + key.substr(0, 30) + shape());
    const std::string& whole = scene_.files.at(key);
    const std::string spare = format::spare_key(key);
    const bool has_spare = scene_.files.contains(spare);
    const auto open = [&](const std::optional<std::string>& damaged, const std::string& how) {
      changes_.set(key, damaged);
      open_damaged(key, how, has_spare, tally);
      if (!has_spare) return;
      changes_.set(key, damaged);
      changes_.set(spare, damaged);
      open_damaged(key, how + ", and its second copy, too", false, tally);
    };
    for (const std::size_t at : choice_.positions(whole.size(), wanted)) {
      open(choice_.flipped(whole, at), "changed at " + std::to_string(at));
      open(whole.substr(0, at), "cut to " + std::to_string(at));
      if (HasFailure()) return;
    }
    for (const auto& [other, bytes] : scene_.files) {
      if (bytes != whole) open(bytes, "replaced by " + other);
      if (HasFailure()) return;
    }
    open(std::nullopt, "removed");
  }

  // What looks at the document either fails or tells what was there; which it is, it returns.
  void look_at_damaged(const std::string& key, Tally& tally,
                       const std::function<bool(const Repository&)>& detected) {
    const std::string& whole = scene_.files.at(key);
    const backup::KeyRing ring = scene_.ring();
    const auto repository = Repository::open(*store_, {}, Repository::IfEmpty::refuse, ring);
    ASSERT_TRUE(repository);
    const auto look = [&] {
      ++(detected(**repository) ? tally.detected : tally.harmless);
      changes_.clear();
    };
    for (const std::size_t at : choice_.positions(whole.size(), 100)) {
      changes_.set(key, choice_.flipped(whole, at));
      look();
      changes_.set(key, whole.substr(0, at));
      look();
      if (HasFailure()) return;
    }
    for (const auto& [other, bytes] : scene_.files) {
      if (other == key) continue;
      changes_.set(key, bytes);
      look();
      if (HasFailure()) return;
    }
  }

  Scene scene_;
  Changes changes_;
  std::unique_ptr<ObjectStore> store_;
  Choice choice_;
  std::string id_;
  backup::LoadedBackup loaded_;
  format::Contents contents_;
  std::vector<format::Summary> summaries_;
};

TEST_P(DocumentCorruptionTest, ADamagedRepositoryFileOpensNothing) {
  damage_in_every_way("repository.json", 100);
}

TEST_P(DocumentCorruptionTest, ADamagedManifestOrFrameIndexLoadsNothing) {
  damage_in_every_way(scene_.document(scene_.newer, "manifest"), 150);
  damage_in_every_way(scene_.document(scene_.newer, "frames"), 100);
}

TEST_P(DocumentCorruptionTest, ADamagedKeyOpensNothing) {
  if (!scene_.encrypted) return;
  const std::string key = key_of("keys/");
  ASSERT_FALSE(key.empty());
  damage_in_every_way(key, 100);
}

// Who cannot read the contents reads the manifest instead; objects are never taken for left over.
TEST_P(DocumentCorruptionTest, DamagedContentsNeverNameOtherObjects) {
  const std::string key = scene_.document(scene_.newer, "contents");
  Tally tally("damaged contents" + shape());
  look_at_damaged(key, tally, [&](const Repository& repository) {
    const auto found = repository.contents(scene_.newer, {});
    EXPECT_EQ(found.value_or(contents_), contents_);
    return !found;
  });
}

// Others are still listed; the damaged one as it was, or not (the log says why).
TEST_P(DocumentCorruptionTest, ADamagedSummaryNeverTellsSomethingElse) {
  const std::string key = "databases/" + scene_.source.value + "/" + scene_.newer.value;
  Tally tally("damaged summary" + shape());
  look_at_damaged(key, tally, [&](const Repository& repository) {
    const auto listed = repository.list(scene_.source, {});
    EXPECT_TRUE(listed) << "one summary does not hide the others";
    if (!listed) return true;
    for (const format::Summary& summary : *listed)
      EXPECT_NE(std::ranges::find(summaries_, summary), summaries_.end());
    EXPECT_GE(listed->size(), 2u);
    return listed->size() == 2;
  });
}

INSTANTIATE_TEST_SUITE_P(Documents, DocumentCorruptionTest, ::testing::Bool(),
                         [](const auto& shape) { return shape.param ? "Encrypted" : "Plain"; });

}  // namespace
}  // namespace restored::corruption_test
