#include "deep.h"

#include <fmt/core.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <functional>
#include <stop_token>

#include "base/clock.h"
#include "base/log.h"
#include "deep/read_backup.h"
#include "fields.h"
#include "lookup.h"
#include "output.h"
#include "repository_place.h"
#include "stop_on_signal.h"

namespace restored::ctl {
namespace {

namespace json = boost::json;

// The agent reads every row of a database meanwhile.
constexpr std::chrono::hours content_deadline{24};
constexpr std::chrono::seconds between_lines{5};

std::function<void(const deep::Progress&)> teller(bool silent) {
  if (silent) return {};
  return [said = std::chrono::steady_clock::now()](const deep::Progress& progress) mutable {
    const auto now = std::chrono::steady_clock::now();
    if (now - said < between_lines) return;
    said = now;
    fmt::print(stderr, "decoded {} of {} files, {} of {}\n", progress.files, progress.files_total,
               bytes_text(progress.bytes), bytes_text(progress.bytes_total));
  };
}

Result<deep::ReadBackup> read(const DeepOptions& options, UnixMillis as_of, bool silent,
                              const std::stop_token& stop) {
  RESTORED_TRY(const Place place, place_of(options.repository, options.config));
  return deep::read_backup({.repository_url = place.url,
                            .store = place.store,
                            .encryption = place.encryption,
                            .backup = BackupId(options.backup),
                            .scratch = options.scratch,
                            .as_of = as_of,
                            .tell = teller(silent)},
                           stop);
}

json::object digest_object(const ContentDigest& digest) {
  return {{"rows", digest.rows}, {"bytes", digest.bytes}, {"hash", digest.hash()}};
}

json::object as_json(const std::string& backup, const deep::ReadBackup& read) {
  json::object data{{"type", "deep-verification"},
                    {"backupId", backup},
                    {"databaseId", "db_" + read.database.value},
                    {"databaseName", printable(read.database_name)},
                    {"files", read.files},
                    {"entries", read.entries}};
  for (const auto& member : digest_object(read.content.stored)) data.insert(member);
  return data;
}

void print_data(json::object data) {
  print_line(json::serialize(json::object{{"data", std::move(data)}}));
}

void print_backup(const std::string& backup, const deep::ReadBackup& read) {
  const ContentDigest& all = read.content.stored;
  print_line(fmt::format("backup {} of {} opens in RocksDB, and every row of it reads",
                         printable(backup), printable(read.database_name)));
  print_fields({{"files", std::to_string(read.files)},
                {"rows", std::to_string(all.rows)},
                {"bytes", std::to_string(all.bytes)},
                {"hash", all.hash()}});
}

struct Live {
  std::string generation;
  std::string as_of;
  UnixMillis as_of_millis = 0;
  ContentDigest digest;
  std::string hash;
};

Answered<Live> live_content(const Session& session, const std::string& database) {
  RESTORED_TRY(const auto id, database_id(session.agent, database));
  RESTORED_TRY(
      const auto answer,
      session.agent.get(fmt::format("/v1/databases/{}/content", segment(id)), content_deadline));
  const auto& data = answer.data();
  Live live;
  live.generation = text(data, "generation");
  live.as_of = text(data, "asOf");
  live.as_of_millis = static_cast<UnixMillis>(bytes(data, "asOfMillis"));
  live.digest.rows = bytes(data, "rows");
  live.digest.bytes = bytes(data, "bytes");
  live.hash = text(data, "hash");
  return live;
}

bool equal(const ContentDigest& of_backup, const Live& live) {
  return of_backup.rows == live.digest.rows && of_backup.bytes == live.digest.bytes &&
         of_backup.hash() == live.hash;
}

void print_comparison(const std::string& database, const ContentDigest& of_backup,
                      const Live& live) {
  Table table({"", "ROWS", "BYTES", "HASH"});
  table.add({"backup", std::to_string(of_backup.rows), std::to_string(of_backup.bytes),
             of_backup.hash()});
  table.add(
      {"live", std::to_string(live.digest.rows), std::to_string(live.digest.bytes), live.hash});
  table.print("");
  print_line(fmt::format("{} (generation {}) as of {}, without what had expired by then: {}",
                         printable(database), printable(live.generation), printable(live.as_of),
                         equal(of_backup, live) ? "equal" : "DIFFERENT"));
}

}  // namespace

Outcome verify_deep(bool json, const DeepOptions& options) {
  log::set_level(log::Level::error);
  const StopOnSignal stop;
  RESTORED_TRY(const auto backup, read(options, system_clock().wall(), json, stop.token()));
  if (json) {
    print_data(as_json(options.backup, backup));
  } else {
    print_backup(options.backup, backup);
  }
  return {};
}

Outcome verify_deep_against(const Session& session, const DeepOptions& options) {
  log::set_level(log::Level::error);
  // First what is live, at a moment that the agent's clock tells: what has expired by then may be
  // gone there, and does not count here. While it is awaited a signal simply ends the program,
  // and the agent sees that.
  RESTORED_TRY(const Live live, live_content(session, options.against));
  const StopOnSignal stop;
  RESTORED_TRY(const auto backup, read(options, live.as_of_millis, session.json, stop.token()));
  const ContentDigest& of_backup = backup.content.unexpired;
  const bool same = equal(of_backup, live);
  if (session.json) {
    json::object data = as_json(options.backup, backup);
    data["equal"] = same;
    data["asOf"] = live.as_of;
    data["unexpired"] = digest_object(of_backup);
    data["live"] = json::object{{"generation", live.generation},
                                {"rows", live.digest.rows},
                                {"bytes", live.digest.bytes},
                                {"hash", live.hash}};
    print_data(std::move(data));
  } else {
    print_backup(options.backup, backup);
    print_comparison(options.against, of_backup, live);
  }
  if (same) return {};
  Failure failure(Error{
      ErrorCode::content_differs,
      fmt::format("the live content of {} is not that of backup {}: {} rows with hash {}, not {} "
                  "with {}",
                  printable(options.against), printable(options.backup), live.digest.rows,
                  printable(live.hash), of_backup.rows, of_backup.hash()),
      ""});
  // Under --json what was printed says it: a script reads one document.
  failure.quiet = session.json;
  return std::unexpected(std::move(failure));
}

}  // namespace restored::ctl
