// Where an S3 repository is: its URL, the configuration, the environment and the shared AWS
// configuration made into one address. Connects to nothing.
#pragma once

#include <string>
#include <string_view>

#include "net/http_client.h"
#include "restored/error.h"
#include "restored/store_options.h"
#include "store/environment.h"

namespace restored::store {

struct S3Location {
  std::string bucket;
  std::string prefix;  // "", or ends with '/'
  // What to connect to and, with authority(), what the Host header says: of a virtual host the
  // bucket's own name, "bucket.s3.eu-west-1.amazonaws.com".
  net::Endpoint endpoint;
  std::string region;
  bool virtual_host = false;
  std::string ca_file;  // empty: the system's

  std::string url() const;  // "s3://bucket/prefix": holds no secret
  // Encoded, for a request's target: "/bucket/prefix/key", of a virtual host "/prefix/key".
  std::string object_path(std::string_view key) const;
  std::string bucket_path() const;  // "/bucket", of a virtual host "/"
};

// s3://bucket/prefix. Errors: invalid_configuration (a URL, endpoint, region or bucket that cannot
// be one; messages name where the value comes from and quote no URL that may hold a secret), and
// those of the shared configuration's files.
Result<S3Location> locate(std::string_view url, const S3Options& options,
                          const Environment& environment);

// "https://s3.example.org:9000", "http://[::1]:8000". `origin` is for messages: "s3.endpoint",
// "AWS_ENDPOINT_URL". Errors: invalid_configuration (another scheme, a path, user information).
Result<net::Endpoint> parse_endpoint(std::string_view text, std::string_view origin);

}  // namespace restored::store
