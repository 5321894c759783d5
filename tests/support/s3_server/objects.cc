#include "s3_server/objects.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <tuple>

namespace restored::s3_server {
namespace {

constexpr std::size_t part_bytes_min = 5 * 1024 * 1024;  // but for the last part

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string digest(const EVP_MD* algorithm, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> result;
  unsigned length = 0;
  ::EVP_Digest(bytes.data(), bytes.size(), result.data(), &length, algorithm, nullptr);
  return std::string(result.begin(), result.begin() + length);
}

StoredObject stored(std::string bytes) {
  StoredObject object;
  object.etag = "\"" + hex(md5(bytes)) + "\"";
  object.bytes = std::make_shared<const std::string>(std::move(bytes));
  object.modified_unix_millis = now();
  return object;
}

}  // namespace

std::string md5(std::string_view bytes) {
  return digest(::EVP_md5(), bytes);
}

std::string sha256(std::string_view bytes) {
  return digest(::EVP_sha256(), bytes);
}

std::string sha256_hex(std::string_view bytes) {
  return hex(sha256(bytes));
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return text;
}

std::string base64(std::string_view bytes) {
  std::vector<unsigned char> in(bytes.begin(), bytes.end());
  std::vector<unsigned char> out(4 * (in.size() / 3 + 1) + 1);
  const int length = ::EVP_EncodeBlock(out.data(), in.data(), static_cast<int>(in.size()));
  return std::string(out.begin(), out.begin() + length);
}

void Objects::set_rules(Rules rules) {
  const std::scoped_lock lock(mutex_);
  rules_ = rules;
}

Rules Objects::rules() const {
  const std::scoped_lock lock(mutex_);
  return rules_;
}

void Objects::make_bucket(const std::string& bucket) {
  const std::scoped_lock lock(mutex_);
  buckets_[bucket];
}

bool Objects::has_bucket(const std::string& bucket) const {
  const std::scoped_lock lock(mutex_);
  return buckets_.contains(bucket);
}

std::optional<StoredObject> Objects::find(const std::string& bucket, const std::string& key) const {
  const std::scoped_lock lock(mutex_);
  const auto keys = buckets_.find(bucket);
  if (keys == buckets_.end()) return std::nullopt;
  const auto found = keys->second.find(key);
  if (found == keys->second.end()) return std::nullopt;
  return found->second;
}

std::string Objects::put(const std::string& bucket, const std::string& key, std::string bytes) {
  StoredObject object = stored(std::move(bytes));
  const std::scoped_lock lock(mutex_);
  return (buckets_[bucket][key] = std::move(object)).etag;
}

void Objects::remove(const std::string& bucket, const std::string& key) {
  const std::scoped_lock lock(mutex_);
  buckets_[bucket].erase(key);
}

std::vector<std::pair<std::string, StoredObject>> Objects::list(const std::string& bucket,
                                                                const std::string& prefix,
                                                                const std::string& after,
                                                                std::size_t most) const {
  std::vector<std::pair<std::string, StoredObject>> found;
  const std::scoped_lock lock(mutex_);
  const auto keys = buckets_.find(bucket);
  if (keys == buckets_.end()) return found;
  auto at = after.empty() ? keys->second.lower_bound(prefix)
                          : keys->second.upper_bound(std::max(after, prefix));
  for (; at != keys->second.end() && found.size() < most; ++at) {
    if (!at->first.starts_with(prefix)) break;
    found.emplace_back(*at);
  }
  return found;
}

std::string Objects::begin_upload(const std::string& bucket, const std::string& key,
                                  std::string checksum_algorithm) {
  const std::scoped_lock lock(mutex_);
  // Slashes and the like are what real ids contain.
  const std::string id = fmt::format("2~{:08}/+x=", ++uploads_begun_);
  uploads_[id] = {.id = id,
                  .bucket = bucket,
                  .key = key,
                  .begun_unix_millis = now(),
                  .checksum_algorithm = std::move(checksum_algorithm),
                  .parts = {}};
  return id;
}

std::optional<std::string> Objects::checksum_algorithm(const std::string& id) const {
  const std::scoped_lock lock(mutex_);
  const auto upload = uploads_.find(id);
  if (upload == uploads_.end()) return std::nullopt;
  return upload->second.checksum_algorithm;
}

std::optional<std::string> Objects::put_part(const std::string& id, unsigned number,
                                             std::string bytes) {
  StoredObject part = stored(std::move(bytes));
  const std::scoped_lock lock(mutex_);
  const auto upload = uploads_.find(id);
  if (upload == uploads_.end()) return std::nullopt;
  return (upload->second.parts[number] = std::move(part)).etag;
}

std::string Objects::complete_upload(const std::string& id, const std::vector<NamedPart>& parts,
                                     std::string& etag) {
  const std::scoped_lock lock(mutex_);
  const auto upload = uploads_.find(id);
  if (upload == uploads_.end()) return "NoSuchUpload";
  if (parts.empty()) return "MalformedXML";
  std::string whole;
  std::string sums;
  const bool summed = !upload->second.checksum_algorithm.empty();
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto part = upload->second.parts.find(parts[i].number);
    std::string wanted = parts[i].etag;
    std::erase(wanted, '"');
    if (part == upload->second.parts.end()) return "InvalidPart";
    if (part->second.etag != "\"" + wanted + "\"") return "InvalidPart";
    // AWS wants the sums that were declared; a sum that is wrong names no part.
    if (summed && parts[i].checksum.empty()) return "InvalidRequest";
    if (!parts[i].checksum.empty() && parts[i].checksum != base64(sha256(*part->second.bytes)))
      return "InvalidPart";
    if (i > 0 && parts[i].number <= parts[i - 1].number) return "InvalidPartOrder";
    if (i + 1 < parts.size() && part->second.bytes->size() < part_bytes_min)
      return "EntityTooSmall";
    whole += *part->second.bytes;
    sums += md5(*part->second.bytes);
  }
  StoredObject object = stored(std::move(whole));
  object.etag = fmt::format("\"{}-{}\"", hex(md5(sums)), parts.size());
  etag = object.etag;
  buckets_[upload->second.bucket][upload->second.key] = std::move(object);
  uploads_.erase(upload);
  return {};
}

bool Objects::abort_upload(const std::string& id) {
  const std::scoped_lock lock(mutex_);
  return uploads_.erase(id) > 0;
}

std::vector<Upload> Objects::uploads(const std::string& bucket) const {
  const std::scoped_lock lock(mutex_);
  std::vector<Upload> found;
  for (const auto& [id, upload] : uploads_)
    if (upload.bucket == bucket) found.push_back(upload);
  std::ranges::sort(found, {}, [](const Upload& one) { return std::tie(one.key, one.id); });
  return found;
}

}  // namespace restored::s3_server
