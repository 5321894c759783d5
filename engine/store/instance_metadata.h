// The credentials of the role that an EC2 instance (or one of a compatible cloud) has, from its
// metadata service; version 2 of it only. Private to this folder.
// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "net/http_client.h"
#include "restored/error.h"
#include "store/credentials.h"
#include "store/environment.h"

namespace restored::store {

// Threading: one thread at a time.
class InstanceMetadata {
 public:
  // At AWS_EC2_METADATA_SERVICE_ENDPOINT, or where every instance has it.
  // Errors: invalid_configuration (the variable is no endpoint).
  static Result<InstanceMetadata> make(const Environment& environment);

  // Takes no more than a few seconds, and one to find that nobody answers.
  // Errors: store_misconfigured (nobody answers, no version 2, no role: as on any other host),
  // object_store_unavailable (it fails for now), cancelled.
  Result<Credentials> fetch(std::stop_token stop);

 private:
  struct Answer {
    unsigned status = 0;
    SecretText body;
  };
  explicit InstanceMetadata(std::unique_ptr<net::HttpClient> http) : http_(std::move(http)) {}
  // The error is only of the transport.
  std::expected<Answer, net::Failure> ask(std::string method, std::string path, net::Header header,
                                          const std::stop_token& stop);
  Result<SecretText> get(std::string_view what, std::string path, std::string_view token,
                         const std::stop_token& stop);

  std::unique_ptr<net::HttpClient> http_;
};

// Of the service's JSON. Errors: object_store_unavailable.
Result<Credentials> parse_instance_credentials(std::string_view text);

}  // namespace restored::store
