#include "format/contents.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "format/document.h"
#include "format/fields.h"
#include "format/utf8.h"
#include "restored/limits.h"

namespace restored::format {
namespace {

constexpr std::string_view mark_kind = "collection";
constexpr std::size_t entry_bytes = sizeof(ContentId::bytes);
// Its first line has no more than this.
constexpr std::size_t envelope_bytes_max = 128;

bool strictly_ascending(const std::vector<ContentId>& ids) {
  return std::ranges::adjacent_find(ids, std::ranges::greater_equal()) == ids.end();
}

// Takes a line off the front; nothing when there is none.
std::optional<std::string> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string line(text.substr(0, end));
  text.remove_prefix(end + 1);
  return line;
}

std::string checked(std::string_view id) {
  RESTORED_CHECK(valid_id(id), "keys are made of ids that were looked at");
  return std::string(id);
}

}  // namespace

void sort_contents(std::vector<ContentId>& objects) {
  std::ranges::sort(objects);
  const auto again = std::ranges::unique(objects);
  objects.erase(again.begin(), again.end());
}

Contents make_contents(BackupId backup, DatabaseId database, std::vector<ContentId> objects) {
  sort_contents(objects);
  return {std::move(backup), std::move(database), std::move(objects)};
}

Contents contents_of(const Manifest& manifest) {
  std::vector<ContentId> objects;
  objects.reserve(manifest.files.size());
  for (const ManifestFile& file : manifest.files) objects.push_back(file.content);
  return make_contents(manifest.backup, manifest.database, std::move(objects));
}

Result<std::string> encode_contents(const Contents& contents) {
  RESTORED_CHECK(valid_id(contents.backup.value) && valid_id(contents.database.value),
                 "a backup and its database have ids");
  RESTORED_CHECK(strictly_ascending(contents.objects), "contents are sorted");
  std::string body = contents.backup.value + '\n' + contents.database.value + '\n';
  const std::size_t bytes = body.size() + contents.objects.size() * entry_bytes;
  if (bytes + envelope_bytes_max > limits::contents_bytes_max) {
    return fail(ErrorCode::limit_reached,
                fmt::format("backup {} names {} objects, more than a backup may",
                            contents.backup.value, contents.objects.size()));
  }
  body.reserve(bytes);
  for (const ContentId& id : contents.objects)
    body.append(reinterpret_cast<const char*>(id.bytes.data()), entry_bytes);
  return seal(contents_kind, body);
}

Result<Contents> decode_contents(std::string_view bytes) {
  RESTORED_TRY(std::string_view body, unseal(contents_kind, bytes, limits::contents_bytes_max));
  std::optional<std::string> backup = take_line(body);
  std::optional<std::string> database = take_line(body);
  if (!backup || !database || !valid_id(*backup) || !valid_id(*database))
    return fail(ErrorCode::corruption, "the contents name no backup and database");
  if (body.size() % entry_bytes != 0)
    return fail(ErrorCode::corruption, "the contents end within an entry");
  Contents contents{BackupId(std::move(*backup)), DatabaseId(std::move(*database)), {}};
  contents.objects.resize(body.size() / entry_bytes);
  for (ContentId& id : contents.objects) {
    std::memcpy(id.bytes.data(), body.data(), entry_bytes);
    body.remove_prefix(entry_bytes);
  }
  if (!strictly_ascending(contents.objects))
    return fail(ErrorCode::corruption, "the contents are not sorted");
  return contents;
}

std::string encode_mark(const CollectionMark& mark) {
  RESTORED_CHECK(valid_id(mark.id), "a collection has an id");
  boost::json::object object;
  object["collection_id"] = mark.id;
  object["host"] = to_utf8(mark.host);
  return seal_json(mark_kind, object);
}

Result<CollectionMark> decode_mark(std::string_view bytes) {
  return read_small<CollectionMark>(mark_kind, bytes, [](Fields& fields, CollectionMark& mark) {
    fields.read("collection_id", mark.id);
    fields.read("host", mark.host);
    if (!valid_id(mark.id)) fields.refuse("collection_id", "is not an id");
  });
}

std::string encode_damage(const Damage& damage) {
  RESTORED_CHECK(valid_id(damage.backup.value), "a backup has an id");
  boost::json::object object;
  object["content_id"] = damage.content.hex();
  object["backup_id"] = damage.backup.value;
  object["reason"] = to_utf8(damage.reason);
  return seal_json(damage_kind, object);
}

Result<Damage> decode_damage(std::string_view bytes) {
  return read_small<Damage>(damage_kind, bytes, [](Fields& fields, Damage& damage) {
    std::string content;
    fields.read("content_id", content);
    fields.read("backup_id", damage.backup.value);
    fields.read("reason", damage.reason);
    if (!valid_id(damage.backup.value)) fields.refuse("backup_id", "is not an id");
    const auto id = content_id_from_hex(content);
    if (id) damage.content = *id;
    if (!id) fields.refuse("content_id", "is not an id");
  });
}

std::string contents_key(const BackupId& backup) {
  return "backups/" + checked(backup.value) + "/contents";
}

std::string mark_key(std::string_view id) {
  return std::string(marks_prefix) + checked(id);
}

std::string damage_key(const ContentId& content) {
  return std::string(damage_prefix) + content.hex();
}

}  // namespace restored::format
