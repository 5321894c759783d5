// The buckets, their objects and their unfinished uploads, in memory.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace restored::s3_server {

// What servers differ in.
struct Rules {
  bool object_lock = false;      // every object and part comes with a sum of its own
  bool knows_conditions = true;  // false: If-Match and the like mean nothing
  bool knows_checksums = true;   // false: refuses their headers, as Backblaze B2 does
};

struct StoredObject {
  std::shared_ptr<const std::string> bytes;
  std::string etag;  // with its quotation marks
  std::int64_t modified_unix_millis = 0;
};

struct Upload {
  std::string id;
  std::string bucket;
  std::string key;
  std::int64_t begun_unix_millis = 0;
  std::string checksum_algorithm;  // "SHA256", or empty: none was declared
  std::map<unsigned, StoredObject> parts;
};

// As a completing request names it.
struct NamedPart {
  unsigned number = 0;
  std::string etag;
  std::string checksum;  // base64; may be empty
};

class Objects {
 public:
  void set_rules(Rules rules);
  Rules rules() const;
  void make_bucket(const std::string& bucket);
  bool has_bucket(const std::string& bucket) const;

  std::optional<StoredObject> find(const std::string& bucket, const std::string& key) const;
  // Its new ETag.
  std::string put(const std::string& bucket, const std::string& key, std::string bytes);
  void remove(const std::string& bucket, const std::string& key);
  // In key order, after `after`, at most `most`.
  std::vector<std::pair<std::string, StoredObject>> list(const std::string& bucket,
                                                         const std::string& prefix,
                                                         const std::string& after,
                                                         std::size_t most) const;

  std::string begin_upload(const std::string& bucket, const std::string& key,
                           std::string checksum_algorithm = {});
  // What was declared; nothing: there is no such upload.
  std::optional<std::string> checksum_algorithm(const std::string& id) const;
  // Its ETag; nothing: there is no such upload.
  std::optional<std::string> put_part(const std::string& id, unsigned number, std::string bytes);
  // S3's error code, or empty: done, and `etag` is the object's.
  std::string complete_upload(const std::string& id, const std::vector<NamedPart>& parts,
                              std::string& etag);
  bool abort_upload(const std::string& id);
  std::vector<Upload> uploads(const std::string& bucket) const;  // in the order of keys

 private:
  using Keys = std::map<std::string, StoredObject>;
  mutable std::mutex mutex_;
  std::map<std::string, Keys> buckets_;
  std::map<std::string, Upload> uploads_;
  std::uint64_t uploads_begun_ = 0;
  Rules rules_;
};

std::string md5(std::string_view bytes);         // 16 bytes
std::string sha256(std::string_view bytes);      // 32 bytes
std::string sha256_hex(std::string_view bytes);  // 64 digits
std::string base64(std::string_view bytes);
std::string hex(std::string_view bytes);

}  // namespace restored::s3_server
