// The one translator of what an S3 server, or the way to it, says when something is wrong: into
// our error, with the next step for the person who reads it, and whether to try again.
// Source of the codes: the S3 API's table of error responses; where servers differ, what Ceph RGW,
// MinIO and Swift were seen to answer.
// Pure. Threading: any thread.
#pragma once

#include <string>
#include <string_view>

#include "net/http_client.h"
#include "restored/units.h"
#include "store/retry_loop.h"
#include "store/s3_location.h"

namespace restored::store {

// What was asked, for messages.
struct S3Asked {
  std::string what;                // "GET objects/ab/abcd of s3://bucket/prefix"
  std::string server;              // "10.0.0.7:8000"
  std::string region;              // that the request was signed for
  std::string credentials_origin;  // "environment"; never a secret
  UnixMillis now = 0;              // that the request was signed with
  bool head = false;               // the answer could not have a body that says more
};

// `response` is an answer with another status than the asker wanted, or one of status 200 with an
// error for a body.
Trouble trouble_of(const S3Asked& asked, const net::Response& response);
Trouble trouble_of(const S3Asked& asked, const net::Failure& failure);

// The server asked for fewer requests.
bool throttled(const net::Response& response);
// The credentials were good once: newer ones may be.
bool credentials_expired(const net::Response& response);
// The server does not know the headers of checksums, and refuses what it does not know.
bool checksum_refused(const net::Response& response);

}  // namespace restored::store
