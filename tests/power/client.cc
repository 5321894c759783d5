#include "client.h"

#include <chrono>
#include <thread>
#include <utility>

#include "base/check.h"
#include "restored/record.h"

namespace restored::test {
namespace {

template <class T>
T given(Result<T> result) {
  RESTORED_CHECK(result.has_value(), result ? "" : result.error().message.c_str());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

ContentPointer with(const Content& before, const Content& records) {
  auto content = std::make_shared<Content>(before);
  for (const auto& [key, value] : records) (*content)[key] = value;
  return content;
}

}  // namespace

void Client::begin_version(const DatabaseId& id, ContentPointer content, bool swapped,
                           const OperationId& operation) {
  diary_.note([&](Expected& expected) {
    expected.databases[id].versions.push_back({std::move(content), swapped, operation});
  });
}

void Client::promise(const DatabaseId& id) {
  diary_.note([&](Expected& expected) {
    ExpectedDatabase& database = expected.databases[id];
    database.floor = database.versions.size() - 1;
  });
}

void Client::note_login(const NewConnection& connection) {
  diary_.note([&](Expected& expected) {
    auto& logins = expected.logins[connection.info.id];
    for (ExpectedLogin& old : logins) old.presence = Presence::gone;
    logins.push_back({connection.info.database, connection.password, Presence::there});
  });
}

DatabaseId Client::create(const std::string& name, const BackupId& from) {
  diary_.doing("creating " + name);
  diary_.note([](Expected& expected) { ++expected.databases_coming; });
  CreateDatabase request;
  request.name = name;
  if (!from.empty()) request.from_backup = SourceBackup{{}, from};
  const CreatedDatabase made = given(host_->engine().create_database(request, "test"));
  const DatabaseId id = made.info.id;
  diary_.note([&](Expected& expected) {
    --expected.databases_coming;
    ExpectedDatabase& database = expected.databases[id];
    database.presence = Presence::there;
    database.name = name;
    if (made.operation)
      expected.operations[*made.operation] = {id, OperationKind::restore, std::nullopt, false};
    if (made.operation)
      database.versions.push_back({expected.backups[from].content, true, *made.operation});
  });
  note_login(made.connection);
  if (made.operation) end_restore(id, await(*made.operation));
  return id;
}

void Client::remove(const DatabaseId& id) {
  diary_.doing("removing " + id.value);
  const auto note = [&](Presence presence) {
    diary_.note([&](Expected& expected) {
      expected.databases[id].presence = presence;
      for (auto& [connection, logins] : expected.logins) {
        for (ExpectedLogin& login : logins) {
          if (login.database == id && login.presence != Presence::gone) login.presence = presence;
        }
      }
    });
  };
  note(Presence::going);
  given(host_->engine().remove_database(id));
  note(Presence::gone);
}

void Client::write(const DatabaseId& id, const Content& records, Durability durability) {
  diary_.doing("writing to " + id.value);
  begin_version(id, with(*diary_.now().databases[id].newest().content, records), false);
  put(id, records, durability);
  if (durability == Durability::device) promise(id);
}

void Client::put(const DatabaseId& id, const Content& records, Durability durability) {
  WriteSet changes;
  for (const auto& [key, value] : records) {
    changes.put(record::metadata_key(key),
                record::encode(record::Type::string, std::nullopt, value));
  }
  const std::shared_ptr<Keyspace> keyspace = host_->engine().keyspace(id);
  const WritePermit permit = keyspace->try_begin_write();
  RESTORED_CHECK(permit, "no swap runs now");
  given(keyspace->write(permit, changes, durability));
}

void Client::wait_until_durable(const DatabaseId& id) {
  diary_.doing("waiting for what was written to be durable");
  std::this_thread::sleep_for(std::chrono::seconds(1));
  promise(id);
}

void Client::flush_all(const DatabaseId& id) {
  diary_.doing("FLUSHALL of " + id.value);
  begin_version(id, std::make_shared<const Content>(), true);
  given(host_->engine().keyspace(id)->replace_all({}, {}));
  promise(id);
}

OperationView Client::await(const OperationId& id) {
  return given(host_->engine().wait_operation(id, std::chrono::minutes(1), {}));
}

BackupId Client::back_up(const DatabaseId& id) {
  diary_.doing("backing up " + id.value);
  const OperationView started = given(host_->engine().start_backup(id, "nightly", "test"));
  diary_.note([&](Expected& expected) {
    expected.operations[started.id] = {id, OperationKind::backup, std::nullopt, false};
    expected.backups[started.backup] = {id, expected.databases[id].newest().content,
                                        Presence::coming};
  });
  const OperationView ended = await(started.id);
  RESTORED_CHECK(ended.state == OperationState::succeeded,
                 ended.error ? ended.error->message.c_str() : "the backup goes on");
  diary_.note([&](Expected& expected) {
    expected.operations[started.id].told = ended.state;
    expected.backups[started.backup].presence = Presence::there;
  });
  return ended.backup;
}

void Client::remove_backup(const BackupId& id) {
  diary_.doing("removing the backup " + id.value);
  diary_.note([&](Expected& expected) { expected.backups[id].presence = Presence::going; });
  given(host_->engine().remove_backup(id));
  diary_.note([&](Expected& expected) { expected.backups[id].presence = Presence::gone; });
}

OperationId Client::begin_restore(const DatabaseId& id, const BackupId& backup) {
  const OperationView started = given(host_->start_restore(id, backup));
  diary_.note([&](Expected& expected) {
    expected.operations[started.id] = {id, OperationKind::restore, std::nullopt, false};
  });
  return started.id;
}

void Client::end_restore(const DatabaseId& id, const OperationView& ended) {
  RESTORED_CHECK(ended.state == OperationState::succeeded,
                 ended.error ? ended.error->message.c_str() : "the restore goes on");
  diary_.note([&](Expected& expected) { expected.operations[ended.id].told = ended.state; });
  promise(id);
}

void Client::step(std::string_view name) {
  if (name != "restore.run.after-reserve") return;
  DatabaseId database;
  Content records;
  {
    const std::lock_guard lock(mutex_);
    database = std::exchange(beside_database_, {});
    records = std::exchange(beside_, {});
  }
  if (database.empty()) return;
  put(database, records, Durability::device);
  diary_.note([&](Expected& expected) {
    ExpectedDatabase& written = expected.databases[database];
    written.floor = written.versions.size() - 2;  // the restore's is the newest
  });
}

void Client::restore(const DatabaseId& id, const BackupId& backup, const Content& beside) {
  diary_.doing("restoring " + id.value);
  const ContentPointer content = diary_.now().backups[backup].content;
  if (!beside.empty()) {
    const std::lock_guard lock(mutex_);
    beside_database_ = id;
    beside_ = beside;
  }
  // Its version is begun before it is asked for: the swap may come before the answer. What is
  // written beside it comes before the swap.
  diary_.note([&](Expected& expected) {
    ExpectedDatabase& database = expected.databases[id];
    if (!beside.empty()) {
      database.versions.push_back({with(*database.newest().content, beside), false, {}});
    }
    database.versions.push_back({content, true, {}});
  });
  const OperationId operation = begin_restore(id, backup);
  diary_.note(
      [&](Expected& expected) { expected.databases[id].versions.back().operation = operation; });
  end_restore(id, await(operation));
}

void Client::restore_and_cancel(const DatabaseId& id, const BackupId& backup) {
  diary_.doing("restoring " + id.value + ", and cancelling that");
  const ContentPointer content = diary_.now().backups[backup].content;
  begin_version(id, content, true);
  const OperationId operation = begin_restore(id, backup);
  diary_.note(
      [&](Expected& expected) { expected.databases[id].versions.back().operation = operation; });
  const auto cancelled = host_->engine().cancel_operation(operation);
  if (cancelled) {
    diary_.note([&](Expected& expected) { expected.operations[operation].cancelled = true; });
  }
  const OperationView ended = await(operation);
  if (ended.state == OperationState::succeeded) return end_restore(id, ended);
  diary_.note([&](Expected& expected) {
    expected.operations[operation].told = ended.state;
    expected.databases[id].versions.pop_back();
  });
}

void Client::undo(const DatabaseId& id) {
  diary_.doing("undoing the last swap of " + id.value);
  ContentPointer before;
  const ExpectedDatabase database = diary_.now().databases[id];
  for (std::size_t i = 1; i < database.versions.size(); ++i) {
    if (database.versions[i].swapped) before = database.versions[i - 1].content;
  }
  begin_version(id, before, true);
  const OperationView started = given(host_->engine().start_undo(id, "test"));
  diary_.note([&](Expected& expected) {
    expected.operations[started.id] = {id, OperationKind::undo, std::nullopt, false};
    expected.databases[id].versions.back().operation = started.id;
  });
  end_restore(id, await(started.id));
}

void Client::rotate(const DatabaseId& id) {
  diary_.doing("rotating a connection of " + id.value);
  const auto connections = given(host_->engine().connections(id));
  const ConnectionId connection = connections.front().id;
  diary_.note(
      [&](Expected& expected) { expected.logins[connection].back().presence = Presence::going; });
  note_login(given(host_->engine().rotate_connection(connection)));
}

void Client::add_connection(const DatabaseId& id) {
  diary_.doing("adding a connection to " + id.value);
  note_login(given(host_->engine().create_connection(id, "another")));
}

void Client::add_token() {
  diary_.doing("making a token");
  const NewToken token = given(host_->engine().create_token("another", 1));
  diary_.note([&](Expected& expected) { expected.tokens[token.info.id] = token.secret; });
}

}  // namespace restored::test
