// What an encrypted repository holds opens as what it is and where it is, and as nothing else.
#include "format/sealed.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/hex.h"
#include "restored/limits.h"
#include "sample_backup.h"
#include "seal/box.h"

namespace restored::format {
namespace {

using test::bytes_of;

DataKey new_key() {
  return DataKey(seal::Key::random());
}

const Place here{"r0example", "backups/b0example/manifest"};

bool opens(const DataKey& key, std::string_view bytes, const Place& place = here,
           std::string_view kind = "manifest") {
  return sealed_with(kind, bytes) == key.id() && open_document(key, kind, place, bytes).has_value();
}

TEST(SealedDocumentTest, OpensWhereItStandsAndNowhereElse) {
  const DataKey key = new_key();
  const std::string sealed = seal_document(key, "manifest", here, "the document");
  EXPECT_LE(sealed.size(), 12 + sealing_bytes_max);
  EXPECT_EQ(sealed.find("the document"), std::string::npos);
  ASSERT_EQ(sealed_with("manifest", sealed), key.id());
  EXPECT_EQ(open_document(key, "manifest", here, sealed).value(), "the document");
  EXPECT_FALSE(opens(key, sealed, {"r0example", "backups/b1/manifest"})) << "replayed";
  EXPECT_FALSE(opens(key, sealed, {"r1", here.key})) << "of another repository";
  EXPECT_FALSE(opens(key, sealed, here, "summary")) << "as something else";
  EXPECT_FALSE(opens(new_key(), sealed));
  EXPECT_NE(seal_document(key, "manifest", here, "the document"), sealed);
}

TEST(SealedDocumentTest, EveryByteCountsAndEveryLength) {
  const DataKey key = new_key();
  const std::string sealed = seal_document(key, "manifest", here, "the document");
  for (std::size_t i = 0; i < 8 * sealed.size(); ++i) {
    std::string flipped = sealed;
    flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << i % 8));
    ASSERT_FALSE(opens(key, flipped)) << "bit " << i;
  }
  for (std::size_t size = 0; size < sealed.size(); ++size)
    ASSERT_FALSE(opens(key, sealed.substr(0, size))) << size;
  EXPECT_FALSE(opens(key, sealed + "x"));
}

TEST(SealedDocumentTest, DocumentsOfVersionOneAndOfTheFutureAreNotTakenForSealedOnes) {
  const test::SampleBackup backup = test::make_backup("b1", {"content"});
  EXPECT_FALSE(sealed_with("manifest", encode_manifest(backup.manifest)));
  EXPECT_FALSE(sealed_with("manifest", "{\"restored\":\"manifest\",\"version\":3,\"x\":1}\n"));
  EXPECT_FALSE(sealed_with("manifest", ""));
  // One that is too short for a tag.
  const std::string line = "{\"restored\":\"manifest\",\"version\":2,\"bytes\":3,\"data_key\":\"" +
                           std::string(32, 'a') + "\"}\n";
  EXPECT_FALSE(sealed_with("manifest", line + "abc"));
}

TEST(WrappedKeyTest, OnlyItsWrappingKeyGivesItBack) {
  const WrappingKey wrapping(seal::Key::random());
  const DataKey key = new_key();
  const std::string wrapped = wrap_key(wrapping, key);
  const auto opened = unwrap_key(wrapping, key.id(), wrapped);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(opened->id(), key.id());
  EXPECT_EQ(to_hex(opened->secret().bytes()), to_hex(key.secret().bytes()));
  EXPECT_EQ(
      wrapped.find(std::string(reinterpret_cast<const char*>(key.secret().bytes().data()), 8)),
      std::string::npos);
  EXPECT_FALSE(unwrap_key(WrappingKey(seal::Key::random()), key.id(), wrapped));
  EXPECT_FALSE(unwrap_key(wrapping, new_key().id(), wrapped)) << "under another data key's name";
  for (std::size_t i = 0; i < wrapped.size(); ++i) {
    std::string flipped = wrapped;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    ASSERT_FALSE(unwrap_key(wrapping, key.id(), flipped)) << "byte " << i;
    ASSERT_FALSE(unwrap_key(wrapping, key.id(), wrapped.substr(0, i))) << i;
  }
}

TEST(KeyIdTest, TellsTheKeysApartAndNothingOfThem) {
  const seal::Key secret = seal::Key::random();
  const std::string data = DataKey(seal::Key::copy(secret.bytes())).id();
  const std::string wrapping = WrappingKey(seal::Key::copy(secret.bytes())).id();
  EXPECT_TRUE(valid_key_id(data));
  EXPECT_TRUE(valid_key_id(wrapping));
  EXPECT_NE(data, wrapping);
  EXPECT_EQ(to_hex(secret.bytes()).find(data), std::string::npos);
  EXPECT_EQ(DataKey(seal::Key::copy(secret.bytes())).id(), data);
  EXPECT_FALSE(valid_key_id("../../../../../../../etc/passwdx"));
}

// An object of two frames.
class SealedObjectTest : public testing::Test {
 protected:
  SealedObjectTest() {
    ContentNamer namer(&key_);
    namer.begin();
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      const auto content = frame_content(i);
      frames_[i].content_bytes = static_cast<std::uint32_t>(content.size());
      frames_[i].hash = frame_hash(content, i);
      namer.add(content);
    }
    seal_.content = namer.end(content_.size(), frames_);
    object_ = encode(1);
  }

  std::span<const std::byte> frame_content(std::size_t index) const {
    const auto all = bytes_of(content_);
    return index == 0 ? all.first(limits::frame_bytes) : all.subspan(limits::frame_bytes);
  }

  // Sets the stored lengths.
  std::string encode(int level) {
    FrameEncoder encoder(level);
    std::string object;
    std::vector<std::byte> stored(limits::frame_stored_bytes_max);
    std::vector<std::uint32_t> sums;
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      const std::size_t bytes = encoder.encode(frame_content(i), stored, seal_, i);
      frames_[i].stored_bytes = static_cast<std::uint32_t>(bytes);
      object.append(reinterpret_cast<const char*>(stored.data()), bytes);
      sums.push_back(seek_table_sum(frame_content(i)));
    }
    return object + encode_seek_table(frames_, sums, seal_);
  }

  std::string_view stored(std::size_t index) const {
    return std::string_view(object_).substr(index == 0 ? 0 : frames_[0].stored_bytes,
                                            frames_[index].stored_bytes);
  }
  std::string_view table() const {
    return std::string_view(object_).substr(frames_[0].stored_bytes + frames_[1].stored_bytes);
  }

  bool decodes(std::string_view bytes, std::size_t index, const ObjectSeal& seal) {
    Frame frame = frames_[index];
    frame.stored_bytes = static_cast<std::uint32_t>(bytes.size());
    std::vector<std::byte> into(frame.content_bytes);
    const auto decoded = decoder_.decode(frame, index, bytes_of(bytes), into, seal);
    EXPECT_TRUE(decoded || decoded.error().code == ErrorCode::corruption);
    return decoded && std::ranges::equal(into, frame_content(index));
  }

  const DataKey key_ = new_key();
  const std::string content_ = test::compressible(limits::frame_bytes + 300);
  std::vector<Frame> frames_{2};
  ObjectSeal seal_{&key_, {}};
  std::string object_;
  FrameDecoder decoder_;
};

TEST_F(SealedObjectTest, EachFrameOpensAloneAndTellsNothing) {
  EXPECT_TRUE(decodes(stored(1), 1, seal_));
  EXPECT_TRUE(decodes(stored(0), 0, seal_));
  EXPECT_EQ(object_.find("line 1 of a file"), std::string::npos);
  EXPECT_EQ(table().size(), seek_table_bytes(2));
  const auto entries = decode_seek_table(bytes_of(table()), seal_);
  ASSERT_TRUE(entries) << entries.error().message;
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[1].stored_bytes, frames_[1].stored_bytes);
  EXPECT_EQ((*entries)[1].content_bytes, 300U);
}

TEST_F(SealedObjectTest, EveryFlippedByteAndEveryLengthIsRefused) {
  const std::string frame(stored(1));
  for (std::size_t i = 0; i < frame.size(); ++i) {
    std::string flipped = frame;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x40);
    ASSERT_FALSE(decodes(flipped, 1, seal_)) << "byte " << i;
    ASSERT_FALSE(decodes(frame.substr(0, i), 1, seal_)) << i;
  }
  const std::string tail(table());
  for (std::size_t i = 0; i < tail.size(); ++i) {
    std::string flipped = tail;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x40);
    ASSERT_FALSE(decode_seek_table(bytes_of(flipped), seal_)) << "byte " << i;
    ASSERT_FALSE(decode_seek_table(bytes_of(tail.substr(i + 1)), seal_)) << i;
  }
}

TEST_F(SealedObjectTest, SwappedAndReplayedFramesAreRefused) {
  EXPECT_FALSE(decodes(stored(0), 1, seal_));
  EXPECT_FALSE(decodes(stored(1), 0, seal_));
  ObjectSeal other = seal_;
  other.content.bytes[0] ^= std::byte{1};
  EXPECT_FALSE(decodes(stored(0), 0, other)) << "under another object's name";
  EXPECT_FALSE(decode_seek_table(bytes_of(table()), other));
  const DataKey another = new_key();
  EXPECT_FALSE(decodes(stored(0), 0, {&another, seal_.content}));
}

TEST_F(SealedObjectTest, NothingUnencryptedIsTakenForItNorTheOtherWayRound) {
  const test::SampleObject plain = test::make_object(content_);
  EXPECT_FALSE(decodes(plain.frame(0), 0, seal_));
  EXPECT_FALSE(decodes(stored(0), 0, {}));
  EXPECT_FALSE(decode_seek_table(bytes_of(table())));
  const auto tail = std::string_view(plain.bytes).substr(plain.bytes.size() - seek_table_bytes(2));
  EXPECT_FALSE(decode_seek_table(bytes_of(tail), seal_));
}

// The same content at two levels and twice at one: whatever hosts write, no nonce is used again.
TEST_F(SealedObjectTest, NoNonceRepeatsWhenTheSameContentIsWrittenAgain) {
  std::set<std::string> nonces;
  std::set<std::string> tables;
  for (const int level : {1, 9, 1}) {
    object_ = encode(level);
    EXPECT_TRUE(decodes(stored(0), 0, seal_));
    for (std::size_t i = 0; i < 2; ++i)
      EXPECT_TRUE(nonces.insert(std::string(stored(i).substr(0, seal::nonce_bytes))).second);
    EXPECT_TRUE(tables.insert(std::string(table().substr(0, 17))).second);
  }
}

TEST_F(SealedObjectTest, TheContentsNameNeedsTheKey) {
  const auto name = [&](const DataKey* key, std::string_view content) {
    ContentNamer namer(key);
    namer.begin();
    namer.add(bytes_of(content));
    const std::vector<Frame> frames{
        {0, static_cast<std::uint32_t>(content.size()), frame_hash(bytes_of(content), 0)}};
    return namer.end(content.size(), frames);
  };
  EXPECT_EQ(name(&key_, "content"), name(&key_, "content"));
  EXPECT_NE(name(&key_, "content"), name(&key_, "contenu"));
  const DataKey other = new_key();
  EXPECT_NE(name(&key_, "content"), name(&other, "content"));
  EXPECT_NE(name(&key_, "content"), name(nullptr, "content"));
  const std::vector<Frame> frames{{0, 7, frame_hash(bytes_of("content"), 0)}};
  EXPECT_EQ(name(nullptr, "content"), content_id(7, frames));
}

class SealedFramesTest : public testing::Test {
 protected:
  SealedFramesTest() {
    backup_.manifest.data_key = key_.id();
    index_frames(backup_.manifest, backup_.frames);
    index_ = encode_frames(backup_.frames);
    sealed_ = seal_frames(key_, place_, backup_.manifest, index_);
  }
  bool opens(std::string_view bytes) {
    return open_frames(key_, place_, backup_.manifest, bytes).has_value();
  }

  const DataKey key_ = new_key();
  const Place place_{"r0", "backups/b1/frames"};
  test::SampleBackup backup_ =
      test::make_backup("b1", {test::compressible(600'000), "small", "equal", "equal"});
  std::string index_;
  std::string sealed_;
};

TEST_F(SealedFramesTest, OpensAsTheIndexOfVersionOne) {
  EXPECT_EQ(sealed_.size(), sealed_frames_bytes(backup_.manifest));
  const auto opened = open_frames(key_, place_, backup_.manifest, sealed_);
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(*opened, index_);
  EXPECT_EQ(decode_frames(backup_.manifest, *opened).value(), backup_.frames);
}

TEST_F(SealedFramesTest, EveryFlippedByteAndEveryLengthIsRefused) {
  for (std::size_t i = 0; i < sealed_.size(); ++i) {
    std::string flipped = sealed_;
    flipped[i] = static_cast<char>(flipped[i] ^ 4);
    ASSERT_FALSE(opens(flipped)) << "byte " << i;
    ASSERT_FALSE(opens(sealed_.substr(0, i))) << i;
  }
}

TEST_F(SealedFramesTest, SlicesOfOtherFilesAndBackupsAreRefused) {
  // The last two files have one frame each: their slices are equally long.
  const std::size_t bytes = 12 + 40;
  std::string swapped = sealed_;
  const std::size_t end = swapped.size();
  for (std::size_t i = 0; i < bytes; ++i)
    std::swap(swapped[end - 1 - i], swapped[end - 1 - bytes - i]);
  EXPECT_FALSE(opens(swapped));
  EXPECT_FALSE(open_frames(key_, {"r0", "backups/b2/frames"}, backup_.manifest, sealed_));
  EXPECT_FALSE(open_frames(key_, {"r1", place_.key}, backup_.manifest, sealed_));
  EXPECT_FALSE(open_frames(new_key(), place_, backup_.manifest, sealed_));
  EXPECT_FALSE(opens(index_)) << "an index that is not encrypted";
}

TEST(SealedManifestTest, SaysItsDataKey) {
  test::SampleBackup backup = test::make_backup("b1", {"content"});
  backup.manifest.data_key = new_key().id();
  index_frames(backup.manifest, backup.frames);
  const auto back = decode_manifest(encode_manifest(backup.manifest));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, backup.manifest);
  backup.manifest.data_key.clear();
  EXPECT_EQ(encode_manifest(backup.manifest).find("data_key"), std::string::npos);
}

}  // namespace
}  // namespace restored::format
