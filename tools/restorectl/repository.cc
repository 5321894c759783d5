// restorectl repository check | collect | rekey. The first works without an agent, so that a
// repository can be tried before there is one.
#include <fmt/core.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "base/log.h"
#include "config/config.h"
#include "fields.h"
#include "io/file_system.h"
#include "output.h"
#include "repository_place.h"
#include "session.h"
#include "stop_on_signal.h"
#include "store/open_store.h"
#include "store/repository_check.h"

namespace restored::ctl {
namespace {

struct CheckVerbOptions {
  std::string url;
  std::string config;
  std::string size = "64MiB";
};

std::string shown_verdict(store::Verdict verdict) {
  return verdict == store::Verdict::failed ? "FAILED" : std::string(name(verdict));
}

void print_finding(const store::Finding& finding) {
  std::string line = fmt::format("{:<8} {:<12} {}", shown_verdict(finding.verdict), finding.check,
                                 printable(finding.message));
  if (!finding.remedy.empty()) line += ". " + printable(finding.remedy);
  print_line(line);
  std::fflush(stdout);
}

boost::json::value as_json(const store::Finding& finding) {
  boost::json::object object{{"check", finding.check},
                             {"verdict", store::name(finding.verdict)},
                             {"message", printable(finding.message)}};
  if (!finding.remedy.empty()) object["remedy"] = printable(finding.remedy);
  if (finding.verdict == store::Verdict::failed) object["code"] = facts(finding.code).wire;
  return object;
}

void print_report(const std::string& url, const store::CheckReport& report) {
  boost::json::array findings;
  for (const store::Finding& finding : report.findings) findings.push_back(as_json(finding));
  const store::Measured& measured = report.measured;
  const boost::json::object data{{"type", "repository-check"},
                                 {"url", url},
                                 {"passed", report.first_failure() == nullptr},
                                 {"findings", std::move(findings)},
                                 {"latencyMedianMillis", measured.latency_median_millis},
                                 {"latencyP99Millis", measured.latency_p99_millis},
                                 {"readBytesPerSecond", measured.read_bytes_per_second},
                                 {"readsInFlight", measured.reads_in_flight},
                                 {"writeBytesPerSecond", measured.write_bytes_per_second},
                                 {"writesInFlight", measured.writes_in_flight}};
  print_line(boost::json::serialize(boost::json::object{{"data", data}}));
}

// Everything has been said: only the exit status is left.
Outcome verdict_of(const store::CheckReport& report) {
  const store::Finding* failed = report.first_failure();
  if (failed == nullptr) return {};
  Failure failure(Error{failed->code, failed->message, failed->remedy});
  failure.quiet = true;
  return std::unexpected(std::move(failure));
}

Result<std::uint64_t> parse_size(const std::string& text) {
  const auto bytes = agent::parse_bytes(text);
  if (bytes && *bytes >= store::check_size_bytes_min && *bytes <= store::check_size_bytes_max) {
    return *bytes;
  }
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("--size {}: it must be from {} to {}", printable(text),
                  bytes_text(store::check_size_bytes_min), bytes_text(store::check_size_bytes_max)),
      "Write it like 64MiB.");
}

Outcome check(bool json, const CheckVerbOptions& options) {
  store::CheckOptions wanted;
  RESTORED_TRY(wanted.size_bytes, parse_size(options.size));
  RESTORED_TRY(const Place place, place_of(options.url, options.config));
  log::set_level(log::Level::error);
  const StopOnSignal stop;
  const auto tell = [json](const store::Finding& finding) {
    if (!json) print_finding(finding);
  };
  store::CheckReport report;
  report.findings = look_before_opening(place, stop.token(), tell);
  if (report.first_failure() == nullptr) {
    auto opened = open_place(place);
    if (opened) {
      store::CheckReport rest = check_repository(**opened, wanted, stop.token(), tell);
      std::ranges::move(rest.findings, std::back_inserter(report.findings));
      report.measured = rest.measured;
    } else {
      report.findings.push_back(store::failure("reach", opened.error()));
      tell(report.findings.back());
    }
  }
  if (json) print_report(place.url, report);
  return verdict_of(report);
}

struct CollectOptions {
  bool dry_run = false;
};

// A list of some million objects takes minutes.
constexpr std::chrono::hours collect_deadline{6};

Outcome collect(const Session& session, const CollectOptions& options) {
  boost::json::object body;
  if (options.dry_run) body["dryRun"] = true;
  RESTORED_TRY(const auto answer,
               session.agent.post("/v1/repository/collect", body, collect_deadline));
  if (session.print_json(answer)) return {};
  const auto& report = answer.data();
  const std::string verb = options.dry_run ? "would remove" : "removed";
  print_line(fmt::format("{} {} of {} objects, {}, in {}", verb, text(report, "objectsRemoved"),
                         text(report, "objects"), bytes_text(bytes(report, "bytesRemoved")),
                         seconds_text(number(report, "seconds").value_or(0))));
  print_fields({{"backups kept", text(report, "backups")},
                {"named by none", text(report, "objectsUnreferenced")},
                {"kept as young", text(report, "objectsYoung")},
                {"documents", text(report, "documentsRemoved")},
                {"stale uploads", text(report, "uploadsRemoved")}});
  if (bytes(report, "backupsUnreadable") > 0) {
    print_line(
        fmt::format("no object goes while {} of the backups cannot be read: the agent's log names "
                    "them; verify each, update this agent if a newer one has made it, or delete it",
                    text(report, "backupsUnreadable")));
  }
  if (bytes(report, "failed") > 0) {
    print_line(
        fmt::format("{} could not be removed, and stay until the next collection: the "
                    "agent's log says why",
                    text(report, "failed")));
  }
  return {};
}

struct RekeyOptions {
  bool keep_previous = false;
};

constexpr std::chrono::minutes rekey_deadline{30};

Outcome rekey(const Session& session, const RekeyOptions& options) {
  boost::json::object body;
  if (options.keep_previous) body["keepPrevious"] = true;
  RESTORED_TRY(const auto answer, session.agent.post("/v1/repository/rekey", body, rekey_deadline));
  if (session.print_json(answer)) return {};
  const auto& report = answer.data();
  print_fields({{"key", text(report, "key")},
                {"data keys", text(report, "dataKeys")},
                {"wrapped now", text(report, "wrapped")},
                {"removed of previous keys", text(report, "removed")}});
  if (bytes(report, "foreign") > 0) {
    print_line(
        fmt::format("{} of other keys stay, which this agent does not have: to remove them, name "
                    "those keys in encryption.previous_key_files",
                    text(report, "foreign")));
  }
  if (bytes(report, "unopened") > 0) {
    print_line(
        fmt::format("{} of the data keys open with no key of this agent: what is sealed with them "
                    "cannot be read here",
                    text(report, "unopened")));
  }
  return {};
}

}  // namespace

void add_repository_verbs(Verbs& verbs) {
  CLI::App& group =
      add_group(verbs, "repository", "Check where backups live, clean it up, change its key");
  add_offline_verb<CheckVerbOptions>(
      verbs, group, "check",
      "Try everything that backups and restores need of it, and measure it; needs no agent",
      "restorectl repository check s3://backups/production --size 256MiB", check,
      [](CLI::App& verb, CheckVerbOptions& options) {
        verb.add_option("URL", options.url,
                        "file:///DIRECTORY or s3://BUCKET/PREFIX [the configuration's]");
        verb.add_option("--config", options.config,
                        fmt::format("Configuration file with [s3] and [store] [{} if it exists]",
                                    agent::default_config_path));
        verb.add_option("--size", options.size, "Of the large object that is written and read")
            ->capture_default_str();
      });
  add_verb<CollectOptions>(
      verbs, group, "collect", "Remove what no backup names any more; safe beside other hosts",
      "restorectl repository collect --dry-run", collect,
      [](CLI::App& verb, CollectOptions& options) {
        verb.add_flag("--dry-run", options.dry_run, "Only count what would be removed");
      });
  add_verb<RekeyOptions>(
      verbs, group, "rekey",
      "Let the agent's encryption.key_file open the repository, and its previous keys no longer",
      "restorectl repository rekey --keep-previous", rekey,
      [](CLI::App& verb, RekeyOptions& options) {
        verb.add_flag("--keep-previous", options.keep_previous,
                      "Hosts that have only a previous key can still open it");
      });
}

}  // namespace restored::ctl
