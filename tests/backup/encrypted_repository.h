// A repository with keys, for its tests.
#pragma once

#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backup/key_ring.h"
#include "repository_fixture.h"
#include "seal/key.h"

namespace restored::backup {

using test::SampleBackup;
using testing::HasSubstr;
using IfEmpty = Repository::IfEmpty;

class EncryptedRepositoryTest : public test::RepositoryFixture {
 protected:
  EncryptedRepositoryTest() : test::RepositoryFixture(test::memory_directory()) {}
  // A ring with copies of these keys, the first of which wraps.
  static KeyRing ring_of(std::initializer_list<const seal::Key*> keys, bool accept = false) {
    std::vector<format::WrappingKey> made;
    for (const seal::Key* key : keys) made.emplace_back(seal::Key::copy(key->bytes()));
    return KeyRing(std::move(made), accept);
  }
  Result<std::unique_ptr<Repository>> open_with(const KeyRing& keys) {
    return Repository::open(store_, {}, IfEmpty::begin, keys);
  }
  SampleBackup sealed_backup(const Repository& repository, const std::string& id) {
    SampleBackup backup = test::make_backup(id, {test::compressible(300'000), "small " + id});
    backup.manifest.repository_id = repository.id();
    backup.manifest.data_key = repository.data_key()->id();
    format::index_frames(backup.manifest, backup.frames);
    return backup;
  }
  std::string wrapped_key(const Repository& repository, const KeyRing& ring) {
    return format::wrapped_key_key(repository.data_key()->id(), ring.wrapping_keys().front().id());
  }

  const seal::Key first_ = seal::Key::random();
  const seal::Key second_ = seal::Key::random();
  const KeyRing ring_ = ring_of({&first_});
};

}  // namespace restored::backup
