#include "judge.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <algorithm>
#include <chrono>
#include <ranges>
#include <set>
#include <utility>

#include "restored/record.h"
#include "simulated_host.h"

namespace restored::test {
namespace {

using Findings = std::vector<std::string>;

}  // namespace

Result<Content> read_all(Engine& engine, const DatabaseId& id) {
  const std::shared_ptr<Keyspace> keyspace = engine.keyspace(id);
  if (!keyspace) return fail(ErrorCode::database_not_found, "is not served");
  Content content;
  RESTORED_TRY(const auto cursor, keyspace->pin()->cursor());
  for (cursor->seek(""); cursor->valid(); cursor->next()) {
    RESTORED_TRY(const record::Metadata metadata, record::decode(cursor->value()));
    const auto key = record::user_key(cursor->key());
    if (!key) return fail(ErrorCode::corruption, "holds a record that is none of ours");
    content.emplace(std::string(*key), std::string(metadata.payload));
  }
  RESTORED_TRY(cursor->status());
  return content;
}

namespace {

std::string described(const Content& content) {
  std::set<std::string> prefixes;
  for (const auto& [key, value] : content) prefixes.insert(key.substr(0, key.find(':')));
  return fmt::format("{} records of {}", content.size(), fmt::join(prefixes, ","));
}

class Judge {
 public:
  Judge(const Expected& expected, SimulatedDisk& left)
      : expected_(expected), host_(left), left_(left) {
    // A collection that the cut ended has left its mark: backups wait for that long.
    host_->seams.collection_times.stale = std::chrono::milliseconds(200);
    host_->seams.collection_times.look = std::chrono::milliseconds(20);
  }

  Findings run(const JudgeOptions& options) {
    if (const auto opened = host_->try_open(); !opened) {
      found_.push_back("does not open: " + opened.error().message);
      return std::move(found_);
    }
    end_operations();
    if (options.recovered) options.recovered(engine());
    check_operations();
    check_databases();
    check_access();
    check_backups();
    if (options.deep && found_.empty()) use_it();
    close();
    return std::move(found_);
  }

 private:
  Engine& engine() { return host_->engine(); }
  void finding(std::string text) { found_.push_back(std::move(text)); }

  void end_operations() {
    for (const OperationView& view : engine().operations()) {
      const auto ended = engine().wait_operation(view.id, std::chrono::minutes(1), {});
      if (!ended || ended->state == OperationState::running)
        finding("operation " + view.id.value + " does not end");
    }
  }

  void check_operations() {
    for (const auto& [id, told] : expected_.operations) {
      const auto view = engine().operation(id);
      if (!view) {
        finding(fmt::format("the accepted {} {} is forgotten", name(told.kind), id.value));
        continue;
      }
      ends_[id] = view->state;
      if (told.told && view->state != *told.told) {
        finding(fmt::format("the {} {} was told to be {} and is {}", name(told.kind), id.value,
                            name(*told.told), name(view->state)));
      }
      if (view->state == OperationState::failed && !view->error)
        finding("operation " + id.value + " failed without a reason");
    }
  }

  void check_databases() {
    std::set<DatabaseId> there;
    std::size_t unknown = 0;
    for (const DatabaseInfo& info : engine().databases()) {
      there.insert(info.id);
      generations_[info.id] = {info.generation, info.previous_generation};
      if (info.status != DatabaseStatus::ready) {
        finding(fmt::format("database {} is {}: {}", info.id.value, name(info.status),
                            info.failure ? info.failure->message : "nobody knows why"));
        continue;
      }
      const auto known = expected_.databases.find(info.id);
      if (known == expected_.databases.end()) {
        ++unknown;
      } else if (known->second.presence == Presence::gone) {
        finding("database " + info.id.value + " is back after its removal");
      } else {
        check_content(info, known->second);
      }
    }
    if (unknown > expected_.databases_coming) finding("a database that nobody made");
    for (const auto& [id, database] : expected_.databases) {
      if (database.presence == Presence::there && !there.contains(id))
        finding("database " + id.value + " is gone");
    }
  }

  void check_content(const DatabaseInfo& info, const ExpectedDatabase& expected) {
    const Result<Content> content = read_all(engine(), info.id);
    if (!content) return finding("database " + info.id.value + " " + content.error().message);
    std::size_t floor = expected.floor;
    for (std::size_t i = floor; i < expected.versions.size(); ++i) {
      const auto end = ends_.find(expected.versions[i].operation);
      if (end != ends_.end() && end->second == OperationState::succeeded) floor = i;
    }
    std::vector<std::size_t> matching;
    for (std::size_t i = floor; i < expected.versions.size(); ++i) {
      const auto end = ends_.find(expected.versions[i].operation);
      const bool not_it = end != ends_.end() && end->second != OperationState::succeeded;
      if (!not_it && *expected.versions[i].content == *content) matching.push_back(i);
    }
    if (matching.empty()) {
      return finding(fmt::format("database {} holds {}, of {} versions from {} on ({})",
                                 expected.name, described(*content), expected.versions.size(),
                                 floor, described(*expected.versions[floor].content)));
    }
    contents_[info.id] = *content;
    check_previous(info, expected, matching);
  }

  // A swap can be taken back; the first one's predecessor is empty.
  void check_previous(const DatabaseInfo& info, const ExpectedDatabase& expected,
                      const std::vector<std::size_t>& matching) {
    std::vector<ContentPointer> before;
    bool must_be = true;
    for (const std::size_t version : matching) {
      std::size_t swap = version;
      while (swap > 0 && !expected.versions[swap].swapped) --swap;
      if (swap == 0) {
        must_be = false;
      } else {
        // One at most: but the swap may have come after the cut, to what the cut had left.
        for (std::size_t i = std::min(expected.floor, swap - 1); i < swap; ++i)
          before.push_back(expected.versions[i].content);
      }
    }
    if (must_be && !info.previous_generation)
      finding("the last swap of " + expected.name + " cannot be undone");
    if (info.previous_generation) previous_[info.id] = std::move(before);
  }

  void check_access() {
    for (const auto& [connection, logins] : expected_.logins) {
      for (const ExpectedLogin& login : logins) {
        const auto found = engine().authenticate("", login.password);
        if (login.presence == Presence::there && (!found || found->database != login.database))
          finding("a password of " + login.database.value + " is refused");
        if (login.presence == Presence::gone && found)
          finding("a password of " + login.database.value + " that was taken away still opens it");
      }
    }
    for (const auto& [id, secret] : expected_.tokens) {
      if (!engine().token(secret)) finding("the token " + id.value + " is forgotten");
    }
  }

  // Those that its databases' lists tell of.
  std::set<BackupId> listed_backups(const std::set<DatabaseId>& databases) {
    std::set<BackupId> listed;
    for (const DatabaseId& database : databases) {
      const auto backups = engine().backups(database);
      if (!backups && backups.error().code != ErrorCode::database_not_found)
        finding("backups cannot be listed: " + backups.error().message);
      for (const BackupInfo& info : backups.value_or(std::vector<BackupInfo>())) {
        if (info.status == BackupStatus::completed) listed.insert(info.id);
      }
    }
    return listed;
  }

  void check_backups() {
    std::set<DatabaseId> databases;
    for (const auto& [id, backup] : expected_.backups) {
      const auto info = engine().backup(id);
      const bool there = info && info->status == BackupStatus::completed;
      if (backup.presence == Presence::there && !there)
        finding("the complete backup " + id.value + " is " +
                (info ? std::string(name(info->status)) : info.error().message));
      if (backup.presence == Presence::gone && there)
        finding("the removed backup " + id.value + " is back");
      if (there) complete_.push_back(id);
      databases.insert(there ? info->database : backup.database);
    }
    const std::set<BackupId> listed = listed_backups(databases);
    for (const auto& [id, backup] : expected_.backups) {
      const bool there = std::ranges::find(complete_, id) != complete_.end();
      if (there != listed.contains(id))
        finding("the backup " + id.value + (there ? " is not listed" : " is listed only"));
    }
  }

  void use_it() {
    for (const auto& [id, contents] : previous_) {
      const auto started = engine().start_undo(id, "test");
      if (!started) {
        finding("cannot undo: " + started.error().message);
        continue;
      }
      expect_end(started->id);
      const auto content = read_all(engine(), id);
      const bool known = content && std::ranges::any_of(contents, [&](const auto& candidate) {
                           return *candidate == *content;
                         });
      if (!known) finding("an undo brought back what was not there before");
      generations_[id] = {engine().database(id)->generation,
                          engine().database(id)->previous_generation};
      contents_[id] = content.value_or(Content());
    }
    CreateDatabase request;
    request.name = "checked";
    const auto made = engine().create_database(request, "test");
    if (!made) return finding("cannot make a database: " + made.error().message);
    const DatabaseId target = made->info.id;
    for (const BackupId& backup : complete_) {
      const auto started = host_->start_restore(target, backup);
      if (!started) {
        finding("cannot restore a complete backup: " + started.error().message);
        continue;
      }
      expect_end(started->id);
      const auto content = read_all(engine(), target);
      if (!content || *content != *expected_.backups.at(backup).content)
        finding("the backup " + backup.value + " is not what was backed up");
      contents_[target] = content.value_or(Content());
    }
    const auto info = engine().database(target);
    generations_[target] = {info->generation, info->previous_generation};
    open_again();
  }

  void expect_end(const OperationId& id) {
    const auto ended = engine().wait_operation(id, std::chrono::minutes(1), {});
    if (!ended || ended->state != OperationState::succeeded)
      finding(fmt::format("after the cut a {} ends so: {}", ended ? name(ended->kind) : "?",
                          ended && ended->error ? ended->error->message : "without an error"));
  }

  void open_again() {
    if (const auto closed = host_->try_close(); !closed)
      finding("does not close: " + closed.error().message);
    if (const auto opened = host_->try_open(); !opened) {
      is_open_ = false;
      return finding("does not open a second time: " + opened.error().message);
    }
    for (const auto& [id, content] : contents_) {
      const auto found = read_all(engine(), id);
      if (!found || *found != content) finding("what was read is not there at the next opening");
    }
  }

  void close() {
    if (!is_open_) return;
    if (const auto closed = host_->try_close(); !closed)
      finding("does not close: " + closed.error().message);
    check_state_directory();
  }

  void check_state_directory() {
    const std::set<std::string> own = {"lock", "repository", "registry", "databases"};
    for (const std::string& name : names_in(SimulatedHost::state_directory)) {
      if (!own.contains(name)) finding("left over in the state directory: " + name);
    }
    const std::string databases = std::string(SimulatedHost::state_directory) + "/databases";
    for (const std::string& name : names_in(databases)) {
      const auto generations = generations_.find(DatabaseId(name));
      if (generations == generations_.end()) {
        finding("the directory of no database: " + name);
        continue;
      }
      for (const std::string& staged : names_in(databases + "/" + name + "/staging"))
        finding("left over in staging: " + staged);
      check_column_families(databases + "/" + name, generations->second);
    }
  }

  struct Generations {
    GenerationNumber live = 0;
    std::optional<GenerationNumber> previous;
  };
  void check_column_families(const std::string& directory, const Generations& generations) {
    std::set<std::string> expected = {"default", fmt::format("data-{}", generations.live)};
    if (generations.previous) expected.insert(fmt::format("data-{}", *generations.previous));
    const auto env = rocksdb::NewCompositeEnv(simulated_rocksdb_files(left_));
    rocksdb::DBOptions options;
    options.env = env.get();
    std::vector<std::string> names;
    const auto listed = rocksdb::DB::ListColumnFamilies(options, directory, &names);
    if (!listed.ok()) return finding(directory + ": " + listed.ToString());
    if (std::set<std::string>(names.begin(), names.end()) != expected)
      finding(fmt::format("column families {} where {} should be", names, expected));
  }

  std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    const auto entries = left_.list(directory);
    if (!entries) return names;
    for (const NodeFacts& facts : *entries) names.push_back(facts.name);
    return names;
  }

  const Expected& expected_;
  SimulatedHost host_;
  SimulatedDisk& left_;
  Findings found_;
  bool is_open_ = true;
  std::map<OperationId, OperationState> ends_;
  std::map<DatabaseId, Generations> generations_;
  std::map<DatabaseId, Content> contents_;
  std::map<DatabaseId, std::vector<ContentPointer>> previous_;
  std::vector<BackupId> complete_;
};

}  // namespace

std::vector<std::string> judge(const Expected& expected, SimulatedDisk& left,
                               const JudgeOptions& options) {
  return Judge(expected, left).run(options);
}

}  // namespace restored::test
