#include "failing_scene.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "restored/record.h"
#include "simulated_host.h"
#include "support/wait_until.h"

namespace restored::test {
namespace {

constexpr auto patience = std::chrono::seconds(30);

Result<Content> read_all(Engine& engine, const DatabaseId& id) {
  const std::shared_ptr<Keyspace> keyspace = engine.keyspace(id);
  if (!keyspace) return fail(ErrorCode::database_not_found, "it is not served");
  Content content;
  RESTORED_TRY(const auto cursor, keyspace->pin()->cursor());
  for (cursor->seek(""); cursor->valid(); cursor->next()) {
    RESTORED_TRY(const record::Metadata metadata, record::decode(cursor->value()));
    content.emplace(std::string(record::user_key(cursor->key()).value_or("?")),
                    std::string(metadata.payload));
  }
  RESTORED_TRY(cursor->status());
  return content;
}

Result<void> put(Engine& engine, const DatabaseId& id, const Content& records) {
  const std::shared_ptr<Keyspace> keyspace = engine.keyspace(id);
  if (!keyspace) return fail(ErrorCode::database_not_found, "it is not served");
  WriteSet changes;
  for (const auto& [key, value] : records) {
    changes.put(record::metadata_key(key),
                record::encode(record::Type::string, std::nullopt, value));
  }
  const WritePermit permit = keyspace->try_begin_write();
  if (!permit) return fail(ErrorCode::internal, "the gate stays closed");
  return keyspace->write(permit, changes, Durability::device);
}

Content with(Content content, const Content& more) {
  for (const auto& [key, value] : more) content[key] = value;
  return content;
}

// One failing call, from the job to the second opening.
class Run {
 public:
  Run(SimulatedDisk& disk, const Failure& failure, DatabaseId database, BackupId backup)
      : disk_(disk),
        host_(disk),
        failure_(failure),
        database_(std::move(database)),
        backup_(std::move(backup)) {}

  // Contents that may be live when the job has failed, and when it has succeeded.
  Content old;
  Content wanted;
  Content restored;

  FailingScene::Outcome run() {
    if (failure_.job == Job::open) {
      arm();
      opening();
    } else {
      must(host_->try_open(), "opening");
      arm();
      working();
    }
    outcome_.failed = disk_.plan().failures() > 0;
    disk_removes_failed_ = disk_.plan().last_failure().call == DiskCall::remove;
    outcome_.place = fmt::format("{} {}", name(disk_.plan().last_failure().call),
                                 disk_.plan().last_failure().path);
    if (is_open_) look("beside the failing disk");
    disk_.plan().clear();
    if (is_open_) after_relief();
    if (is_open_) (void)host_->try_close();
    open_again();
    return std::move(outcome_);
  }

 private:
  Engine& engine() { return host_->engine(); }
  void finding(std::string text) { outcome_.findings.push_back(std::move(text)); }
  void must(const Result<void>& result, const char* what) {
    RESTORED_CHECK(result,
                   (std::string(what) + ": " + (result ? "" : result.error().message)).c_str());
  }

  void arm() {
    const CallFilter filter{
        failure_.lasts && failure_.error == ENOSPC ? needing_space : changing_calls,
        SimulatedHost::state_directory};
    if (failure_.lasts) {
      disk_.plan().fail_from(filter, failure_.nth, failure_.error);
    } else {
      disk_.plan().fail(filter, failure_.nth, failure_.error);
    }
  }

  // An error that a person gets.
  void judge_error(const Error& error) {
    if (disk_.plan().failures() == 0) finding("fails without a failure: " + error.message);
    if (error.message.empty()) finding("an error says nothing");
    if (error.hint_text().empty()) finding("no advice with: " + error.message);
    if (error.code == ErrorCode::internal) finding("an internal error: " + error.message);
  }

  void opening() {
    const Result<void> opened = host_->try_open();
    is_open_ = opened.has_value();
    if (!opened) return judge_error(opened.error());
    for (const OperationView& view : engine().operations()) end(view.id);
  }

  void end(const OperationId& id) {
    const auto ended = engine().wait_operation(id, patience, {});
    if (!ended || ended->state == OperationState::running)
      return finding(fmt::format("the {} does not end", ended ? name(ended->kind) : "operation"));
    done_ = ended->state == OperationState::succeeded;
    if (!done_ && ended->error) judge_error(*ended->error);
    if (!done_ && !ended->error) finding("failed without an error");
  }

  void working() {
    Result<OperationView> started = fail(ErrorCode::cancelled, "");
    Result<void> done;
    switch (failure_.job) {
      case Job::restore:
        started = host_->start_restore(database_, backup_);
        break;
      case Job::backup:
        started = engine().start_backup(database_, "nightly", "test");
        break;
      case Job::undo:
        started = engine().start_undo(database_, "test");
        break;
      case Job::flush:
        done = engine().keyspace(database_)->replace_all({}, {});
        done_ = done.has_value();
        if (!done) judge_error(done.error());
        return;
      case Job::write:
        done = put(engine(), database_, records("w:", 5, 50));
        done_ = done.has_value();
        if (!done) judge_error(done.error());
        return;
      case Job::open:
        return;
    }
    if (started) return end(started->id);
    judge_error(started.error());
  }

  void look(const char* when) {
    const Result<Content> content = read_all(engine(), database_);
    if (!content) {
      // An instance that could not be opened says so; it is there at the next opening.
      const auto info = engine().database(database_);
      const bool told = failure_.job == Job::open && info && info->failure;
      if (!told) finding(fmt::format("cannot be read {}: {}", when, content.error().message));
      return;
    }
    const bool may_be_old = !done_ || failure_.job == Job::open;
    const bool may_be_wanted = done_ || failure_.job == Job::open;
    if (!(may_be_old && *content == old) && !(may_be_wanted && *content == wanted)) {
      finding(fmt::format("holds {} records {}, after a job that {}", content->size(), when,
                          done_ ? "succeeded" : "failed"));
    }
    live_ = *content;
  }

  // The same process goes on.
  void after_relief() {
    if (!live_) return;
    const Content more = records("m:", 3, 60);
    Result<void> written;
    const bool again = wait_until(
        [&] {
          written = put(engine(), database_, more);
          return written.has_value();
        },
        std::chrono::seconds(20));
    if (!again) {
      needs_restart_ = written.error().message;
      return;
    }
    live_ = with(*live_, more);
    const Result<Content> content = read_all(engine(), database_);
    if (!content || *content != *live_) finding("does not hold what was written after the relief");
    restore_again();
  }

  void restore_again() {
    Result<OperationView> started = fail(ErrorCode::internal, "");
    const bool accepted = wait_until(
        [&] {
          started = host_->start_restore(database_, backup_);
          return started.has_value();
        },
        std::chrono::seconds(20));
    if (!accepted) return finding("no restore after the relief: " + started.error().message);
    const auto ended = engine().wait_operation(started->id, patience, {});
    if (!ended || ended->state != OperationState::succeeded) {
      return finding("the restore after the relief: " +
                     (ended && ended->error ? ended->error->message : std::string("no end")));
    }
    live_ = restored;
    const Result<Content> content = read_all(engine(), database_);
    if (!content || *content != *live_) finding("the restore after the relief brought other data");
    // What could not be removed is removed at the next opening.
    if (disk_removes_failed_) return;
    const bool clean = wait_until([&] { return staged().empty(); });  // by housekeeping
    if (!clean) finding("left over in staging: " + staged());
  }

  std::string staged() {
    const auto found = disk_.list(std::string(SimulatedHost::state_directory) + "/databases/" +
                                  database_.value + "/staging");
    std::string names;
    for (std::size_t i = 0; found && i < found->size(); ++i) names += (*found)[i].name + " ";
    return names;
  }

  void open_again() {
    if (const Result<void> opened = host_->try_open(); !opened)
      return finding("does not open afterwards: " + opened.error().message);
    for (const OperationView& view : engine().operations())
      (void)engine().wait_operation(view.id, patience, {});
    const Result<Content> content = read_all(engine(), database_);
    if (!content) {
      finding("cannot be read after another opening: " + content.error().message);
    } else if (live_ && *content != *live_ && !(needs_restart_ && *content == wanted)) {
      finding(fmt::format("holds {} records after another opening, before {}", content->size(),
                          live_->size()));
    } else if (!live_ && *content != old && *content != wanted) {
      finding("holds neither the old nor the new content after another opening");
    }
    if (needs_restart_ && !put(engine(), database_, records("n:", 1, 70)))
      finding("cannot be written after another opening");
    if (!staged().empty()) finding("left over in staging after another opening: " + staged());
    if (needs_restart_) finding("needed a restart: " + *needs_restart_);
    if (const auto closed = host_->try_close(); !closed)
      finding("does not close: " + closed.error().message);
  }

  SimulatedDisk& disk_;
  SimulatedHost host_;
  const Failure failure_;
  const DatabaseId database_;
  const BackupId backup_;
  FailingScene::Outcome outcome_;
  bool disk_removes_failed_ = false;
  bool is_open_ = true;
  bool done_ = false;
  std::optional<Content> live_;
  std::optional<std::string> needs_restart_;
};

}  // namespace

std::string_view name(Job job) {
  constexpr std::array<std::string_view, 6> names = {"restore",  "backup", "undo",
                                                     "FLUSHALL", "write",  "opening"};
  return names[static_cast<std::size_t>(job)];
}

std::string described(const Failure& failure) {
  return fmt::format("{}, call {} fails with {}{}", name(failure.job), failure.nth,
                     failure.error == ENOSPC ? "ENOSPC" : "EIO",
                     failure.lasts ? " and all from there" : "");
}

FailingScene::FailingScene() {
  SimulatedDisk disk;
  SimulatedHost host(disk);
  host->seams.step = [&](std::string_view step) {
    if (step == "restore.run.after-fetch" && closed_) cut_off_ = disk.process_death();
  };
  host->open();
  const DatabaseId source = host->make_database("source");
  host->put(source, records("a:", 60, 1, 1000));
  host->back_up(source);
  host->put(source, records("b:", 60, 2, 2000));
  backup_ = host->back_up(source);
  restored_ = host->content(source);
  database_ = host->make_database("target");
  before_ = records("x:", 20, 3);
  host->put(database_, before_);
  const BackupId other = host->back_up(database_);
  RESTORED_CHECK(host->restore(database_, other).state == OperationState::succeeded, "restores");
  old_ = before_;
  host->put(database_, records("y:", 20, 4));
  old_ = with(old_, records("y:", 20, 4));
  RESTORED_CHECK(host->engine().remove_database(source), "the source is removed");
  host->close();
  closed_ = disk.process_death();
  host->open();
  RESTORED_CHECK(host->restore(database_, backup_).state == OperationState::succeeded, "restores");
  host->close();
}

FailingScene::Outcome FailingScene::run(const Failure& failure) const {
  const auto disk = (failure.job == Job::open ? *cut_off_ : *closed_).process_death();
  Run run(*disk, failure, database_, backup_);
  run.old = old_;
  run.restored = restored_;
  switch (failure.job) {
    case Job::restore:
    case Job::open:
      run.wanted = restored_;
      break;
    case Job::backup:
      run.wanted = old_;
      break;
    case Job::undo:
      run.wanted = before_;
      break;
    case Job::flush:
      break;
    case Job::write:
      run.wanted = with(old_, records("w:", 5, 50));
      break;
  }
  return run.run();
}

}  // namespace restored::test
