#include "store/s3_probe.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "net/http_client.h"
#include "restored/limits.h"
#include "store/credentials.h"
#include "store/http_date.h"
#include "store/s3_location.h"

namespace restored::store {
namespace {

using Kind = net::Failure::Kind;

constexpr std::chrono::seconds probe_stall{10};
constexpr std::chrono::seconds probe_deadline{20};

std::string describe(const S3Location& location) {
  return fmt::format("bucket {} at {}{}, region {}, {} style", location.bucket,
                     location.endpoint.tls ? "https://" : "http://", location.endpoint.authority(),
                     location.region, location.virtual_host ? "virtual-host" : "path");
}

Result<Finding> find_credentials(const S3Options& options, const Environment& environment,
                                 const Clock& clock, std::stop_token stop) {
  RESTORED_TRY(const std::unique_ptr<CredentialsSource> source,
               CredentialsSource::open(options, environment, clock));
  RESTORED_TRY(const std::shared_ptr<const Credentials> found, source->get(std::move(stop)));
  std::string words = fmt::format("key {} from {}", found->access_key_id, found->origin);
  if (!found->session_token.empty()) words += ", with a session token";
  if (found->expires_at) words += ", until " + iso8601(*found->expires_at);
  return well("credentials", std::move(words));
}

// Which of the steps on the way a failure stands for.
Finding failed_step(const net::Failure& failure, const S3Location& location) {
  const bool own_ca = !location.ca_file.empty();
  switch (failure.kind) {
    case Kind::name_unknown:
      return store::failure(
          "name",
          {ErrorCode::store_misconfigured, failure.message,
           location.virtual_host ? "Check s3.endpoint and the bucket's name; for a store without "
                                   "wildcard names set s3.addressing = \"path\"."
                                 : "Check s3.endpoint."});
    case Kind::name_unavailable:
      return store::failure("name", {ErrorCode::object_store_unavailable, failure.message,
                                     "The resolver does not answer: look at /etc/resolv.conf."});
    case Kind::tls_refused:
      return store::failure(
          "tls", {ErrorCode::store_misconfigured, failure.message,
                  own_ca ? "Is it the authority in s3.ca_file that signed the store's certificate, "
                           "and for the name in s3.endpoint?"
                         : "Name your own authority's certificate in s3.ca_file, or mend the "
                           "store's certificate."});
    case Kind::cancelled:
      return store::failure("connect", {ErrorCode::cancelled, failure.message, ""});
    case Kind::malformed:
    case Kind::too_long:
      return store::failure(
          "connect", {ErrorCode::store_misconfigured, failure.message,
                      location.endpoint.tls ? "Something else than an S3 store answers there."
                                            : "Does the store want https:// in s3.endpoint?"});
    case Kind::connect_failed:
    case Kind::timed_out:
    case Kind::closed:
      break;
  }
  return store::failure(
      "connect", {ErrorCode::object_store_unavailable, failure.message,
                  "Check host and port in s3.endpoint, that the store runs, and firewalls."});
}

// HEAD of the place, without a signature: whatever the status, it is the store that answered.
Result<net::Response> knock(const S3Location& location, const std::stop_token& stop,
                            std::vector<Finding>& findings) {
  net::ClientOptions options;
  options.endpoint = location.endpoint;
  options.ca_file = location.ca_file;
  RESTORED_TRY(const std::unique_ptr<net::HttpClient> client,
               net::HttpClient::make(std::move(options)));
  net::Request request;
  request.method = "HEAD";
  request.target = "/";
  request.headers = {{"Host", location.endpoint.authority()}};
  net::Target target;
  target.choose = [](const net::ResponseHead&) { return std::nullopt; };
  target.collect_bytes_max = limits::store_error_bytes_max;
  net::Limits patience;
  patience.connect = std::chrono::seconds(limits::store_connect_seconds);
  patience.stall = probe_stall;
  patience.deadline = probe_deadline;
  auto response = client->send(request, target, patience, stop);
  if (response) return std::move(*response);
  Finding finding = failed_step(response.error(), location);
  Error error{finding.code, finding.message, finding.remedy};
  findings.push_back(std::move(finding));
  return std::unexpected(std::move(error));
}

Finding tls_finding(const S3Location& location) {
  if (location.endpoint.tls) {
    return well("tls", fmt::format("the certificate is trusted by {}",
                                   location.ca_file.empty() ? "the system's authorities"
                                                            : location.ca_file));
  }
  return warning("tls", "no encryption: whoever sees the traffic sees every backup",
                 "Use https:// in s3.endpoint, unless the network is trusted.");
}

// Collects findings and tells each as it comes.
class Findings {
 public:
  explicit Findings(const std::function<void(const Finding&)>& tell) : tell_(tell) {}
  void add(Finding finding) {
    if (tell_) tell_(finding);
    findings_.push_back(std::move(finding));
  }
  std::vector<Finding> take() { return std::move(findings_); }

 private:
  const std::function<void(const Finding&)>& tell_;
  std::vector<Finding> findings_;
};

}  // namespace

std::vector<Finding> probe_s3(std::string_view url, const S3Options& options,
                              const Environment& environment, const Clock& clock,
                              std::stop_token stop,
                              const std::function<void(const Finding&)>& tell) {
  Findings findings(tell);
  const Result<S3Location> location = locate(url, options, environment);
  if (!location) {
    findings.add(failure("address", location.error()));
    return findings.take();
  }
  findings.add(well("address", describe(*location)));
  Result<Finding> credentials = find_credentials(options, environment, clock, stop);
  findings.add(credentials ? std::move(*credentials) : failure("credentials", credentials.error()));
  if (!credentials) return findings.take();

  std::vector<Finding> refused;
  const UnixMillis before = clock.wall();
  const Result<net::Response> answer = knock(*location, stop, refused);
  const UnixMillis after = clock.wall();
  if (!answer) {
    if (refused.empty()) refused.push_back(failure("tls", answer.error()));
    for (Finding& finding : refused) findings.add(std::move(finding));
    return findings.take();
  }
  findings.add(well("connect", fmt::format("{} answers", location->endpoint.text())));
  findings.add(tls_finding(*location));
  const UnixMillis theirs = parse_http_date(answer->head.header("date"));
  if (theirs != 0) {
    findings.add(judge_clock("date", clock_ahead(before, theirs, after)));
  }
  return findings.take();
}

}  // namespace restored::store
