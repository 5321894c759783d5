// restorectl backup create | list | show | verify | delete
#include <fmt/core.h>

#include <boost/json.hpp>

#include "confirm.h"
#include "deep.h"
#include "fields.h"
#include "follow.h"
#include "lookup.h"
#include "output.h"
#include "rate.h"
#include "session.h"

namespace restored::ctl {
namespace {

struct CreateOptions {
  std::string database;
  std::optional<std::string> name;
  std::optional<std::string> bandwidth;
  bool wait = false;
};

Outcome create(const Session& session, const CreateOptions& options) {
  RESTORED_TRY(const auto id, database_id(session.agent, options.database));
  boost::json::object body;
  if (options.name) body["name"] = *options.name;
  if (options.bandwidth) {
    RESTORED_TRY(body["bandwidthBytesPerSecond"], parse_rate(*options.bandwidth));
  }
  RESTORED_TRY(const auto answer,
               session.agent.post(fmt::format("/v1/databases/{}/backups", segment(id)), body));
  return accepted(
      session, answer,
      fmt::format("backup {} of {} has begun", text(answer.data(), "id"), options.database),
      options.wait);
}

struct ListOptions {
  std::string database;
  std::optional<int> limit;
};

Outcome list(const Session& session, const ListOptions& options) {
  RESTORED_TRY(const auto id, database_id(session.agent, options.database));
  std::string target = fmt::format("/v1/databases/{}/backups", segment(id));
  if (options.limit) target += fmt::format("?limit={}", *options.limit);
  RESTORED_TRY(const auto answer, session.agent.get(target));
  if (session.print_json(answer)) return {};
  Table table({"ID", "TYPE", "STATUS", "STORED", "CREATED"});
  if (const auto* backups = answer.data().if_array()) {
    for (const auto& backup : *backups) {
      const bool sized = number(backup, "size").has_value();
      table.add({text(backup, "id"), text(backup, "backupType"), text(backup, "status"),
                 sized ? bytes_text(bytes(backup, "size")) : "", text(backup, "createdAt")});
    }
  }
  table.print(fmt::format("no backups: restorectl backup create {}", options.database));
  if (text(answer.json, "pagination.hasMore") == "yes") {
    print_line("(there are older ones: --limit shows up to 100)");
  }
  return {};
}

struct OneOptions {
  std::string backup;
  std::optional<std::string> confirm;
  bool manifest = false;
  bool fast = false;
  bool wait = false;
  bool deep = false;
  DeepOptions deeply;
};

// A backup is found by its id alone, whichever database it belongs to.
std::string path_of(const std::string& backup) {
  return "/v1/backups/" + segment(backup);
}

Outcome show(const Session& session, const OneOptions& options) {
  const std::string target = path_of(options.backup) + (options.manifest ? "/manifest" : "");
  RESTORED_TRY(const auto answer, session.agent.get(target));
  if (session.print_json(answer)) return {};
  if (options.manifest) {
    print_line(answer.body);
  } else {
    print_fields(describe(answer.data()));
  }
  return {};
}

DeepOptions deep_options(const OneOptions& options) {
  DeepOptions deeply = options.deeply;
  deeply.backup = options.backup;
  return deeply;
}

Outcome verify(const Session& session, const OneOptions& options) {
  if (options.deep) return verify_deep_against(session, deep_options(options));
  boost::json::object body;
  if (options.fast) body["fast"] = true;
  RESTORED_TRY(const auto answer, session.agent.post(path_of(options.backup) + "/verify", body));
  return accepted(session, answer,
                  fmt::format("verification of backup {} has begun", options.backup), options.wait);
}

Outcome remove(const Session& session, const OneOptions& options) {
  RESTORED_TRY(confirm(options.confirm, {options.backup},
                       fmt::format("this deletes backup {} for good", printable(options.backup))));
  RESTORED_TRY(const auto answer, session.agent.remove(path_of(options.backup)));
  if (session.print_json(answer)) return {};
  print_line(fmt::format("backup {} deleted", printable(options.backup)));
  return {};
}

void declare_one(CLI::App& verb, OneOptions& options) {
  verb.add_option("ID", options.backup, "Id of the backup")->required();
}

void declare_verify(Verbs& verbs, CLI::App& verb, OneOptions& options) {
  declare_one(verb, options);
  CLI::Option* fast =
      verb.add_flag("--fast", options.fast, "Only that every object is there with its size");
  CLI::Option* wait = verb.add_flag("--wait", options.wait, "Wait for the outcome");
  CLI::Option* deep = verb.add_flag(
      "--deep", options.deep,
      "Read every row, here, with zstd and RocksDB alone: slow, needs no agent, and room for the "
      "whole content. Prints rows, their bytes, and a hash that does not depend on their order");
  deep->excludes(fast)->excludes(wait);
  DeepOptions& deeply = options.deeply;
  verb.add_option("--against", deeply.against,
                  "Database whose live content is compared with it (the agent reads that)")
      ->needs(deep);
  verb.add_option("--repository", deeply.repository,
                  "file:///DIRECTORY or s3://BUCKET/PREFIX [the configuration's]")
      ->needs(deep);
  verb.add_option("--config", deeply.config,
                  "Configuration file with repository, [s3], [store] and [encryption] [the agent's "
                  "default, if it exists]")
      ->needs(deep);
  verb.add_option("--scratch", deeply.scratch,
                  "Directory for the content in clear; what is made there is removed")
      ->needs(deep)
      ->capture_default_str();
  verb.parse_complete_callback([&verbs, &options] {
    if (!options.deep || !options.deeply.against.empty()) return;
    verbs.offline = [&options](bool json) { return verify_deep(json, deep_options(options)); };
  });
}

}  // namespace

void add_backup_verbs(Verbs& verbs) {
  CLI::App& group = add_group(verbs, "backup", "Create, list, show, verify and delete backups");
  add_verb<CreateOptions>(
      verbs, group, "create", "Back up a database while it serves",
      "restorectl backup create shop --name before-migration --wait", create,
      [](CLI::App& verb, CreateOptions& options) {
        verb.add_option("DATABASE", options.database, "Id or unique name")->required();
        verb.add_option("--name", options.name, "Name of the backup");
        verb.add_option("--bandwidth", options.bandwidth, "Limit, bytes a second, like 100MiB");
        verb.add_flag("--wait", options.wait, "Wait until it is complete");
      });
  add_verb<ListOptions>(
      verbs, group, "list", "List the backups of a database, newest first",
      "restorectl backup list shop", list, [](CLI::App& verb, ListOptions& options) {
        verb.add_option("DATABASE", options.database, "Id or unique name")->required();
        verb.add_option("--limit", options.limit, "How many, 1 to 100");
      });
  add_verb<OneOptions>(
      verbs, group, "show", "Show a backup", "restorectl backup show BACKUP --manifest", show,
      [](CLI::App& verb, OneOptions& options) {
        declare_one(verb, options);
        verb.add_flag("--manifest", options.manifest, "Its manifest instead, as JSON");
      });
  add_verb<OneOptions>(
      verbs, group, "verify", "Read and hash every frame of a backup; or, --deep, every row",
      "restorectl backup verify BACKUP --wait\n"
      "  restorectl backup verify BACKUP --deep --against shop",
      verify,
      [&verbs](CLI::App& verb, OneOptions& options) { declare_verify(verbs, verb, options); });
  add_verb<OneOptions>(verbs, group, "delete", "Delete a backup for good",
                       "restorectl backup delete BACKUP --confirm BACKUP", remove,
                       [](CLI::App& verb, OneOptions& options) {
                         declare_one(verb, options);
                         verb.add_option("--confirm", options.confirm, "ID once more");
                       });
}

}  // namespace restored::ctl
