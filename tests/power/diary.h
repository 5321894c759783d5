// What the clients of one engine were told, and so what must be there after any cut: a value, taken
// at the moment of the cut. There is one client, so each database has had one content after the
// other; after a cut it has one from the newest that was promised durable to the newest begun.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "../restore/test_host.h"
#include "restored/engine.h"

namespace restored::test {

using ContentPointer = std::shared_ptr<const Content>;

enum class Presence { coming, there, going, gone };

struct Version {
  ContentPointer content;
  bool swapped = false;   // by a swap: the version before it is what an undo brings back
  OperationId operation;  // that made it live
};

struct ExpectedDatabase {
  Presence presence = Presence::coming;
  std::string name;
  std::vector<Version> versions{{std::make_shared<const Content>(), false, {}}};
  std::size_t floor = 0;  // the newest version that was promised durable
  const Version& newest() const { return versions.back(); }
};

struct ExpectedLogin {
  DatabaseId database;
  std::string password;
  Presence presence = Presence::there;
};

struct ExpectedOperation {
  DatabaseId database;
  OperationKind kind = OperationKind::restore;
  std::optional<OperationState> told;  // its end
  bool cancelled = false;              // a cancel was accepted
};

struct ExpectedBackup {
  DatabaseId database;
  ContentPointer content;
  Presence presence = Presence::coming;
};

struct Expected {
  std::map<DatabaseId, ExpectedDatabase> databases;
  std::size_t databases_coming = 0;  // created and not answered yet: nobody knows their ids
  std::map<ConnectionId, std::vector<ExpectedLogin>> logins;
  std::map<OperationId, ExpectedOperation> operations;
  std::map<BackupId, ExpectedBackup> backups;
  std::map<TokenId, std::string> tokens;
  std::string doing;  // for people
};

// Threading: all methods from any thread at once.
class Diary {
 public:
  Expected now() const {
    const std::lock_guard lock(mutex_);
    return expected_;
  }
  // While `look` runs nothing is noted: what the disk has had by then was begun in here before, and
  // what is promised in here it has.
  template <class Look>
  void hold(Look look) const {
    const std::lock_guard lock(mutex_);
    look(expected_);
  }
  template <class Change>
  void note(Change change) {
    const std::lock_guard lock(mutex_);
    change(expected_);
  }
  void doing(std::string what) {
    note([&](Expected& expected) { expected.doing = std::move(what); });
  }

 private:
  mutable std::mutex mutex_;
  Expected expected_;
};

}  // namespace restored::test
