// What hosts that share a repository tell each other through it: the contents that a backup needs,
// the mark of a running collection, and objects that were found damaged. Pure, as manifest.h.
// See "Order of writing and removing" in FORMAT.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "format/frame.h"
#include "format/manifest.h"
#include "restored/error.h"
#include "restored/ids.h"

namespace restored::format {

// "<prefix>/backups/<backup id>/contents": which objects a backup needs, for those who must not
// remove them. Written before its manifest, and kept beside it.
struct Contents {
  BackupId backup;
  DatabaseId database;
  std::vector<ContentId> objects;  // sorted, each once
  friend bool operator==(const Contents&, const Contents&) = default;
};
// Brings them into that form.
void sort_contents(std::vector<ContentId>& objects);
Contents make_contents(BackupId backup, DatabaseId database, std::vector<ContentId> objects);
Contents contents_of(const Manifest& manifest);
// REQUIRES: sorted, each once (checked). Errors: limit_reached (more than
// limits::contents_bytes_max).
Result<std::string> encode_contents(const Contents& contents);
// Errors: corruption (any byte differs), unsupported_format.
Result<Contents> decode_contents(std::string_view bytes);

// "<prefix>/collections/<id>": a collection that runs. When it was written or renewed last is the
// store's to say.
struct CollectionMark {
  std::string id;
  std::string host;  // for people
  friend bool operator==(const CollectionMark&, const CollectionMark&) = default;
};
std::string encode_mark(const CollectionMark& mark);
Result<CollectionMark> decode_mark(std::string_view bytes);

// "<prefix>/damaged/<content id>": an object that must not be shared by another backup.
struct Damage {
  ContentId content;
  BackupId backup;     // whose verification found it
  std::string reason;  // for people
  friend bool operator==(const Damage&, const Damage&) = default;
};
std::string encode_damage(const Damage& damage);
Result<Damage> decode_damage(std::string_view bytes);

// REQUIRES: valid ids (checked).
inline constexpr std::string_view marks_prefix = "collections/";
inline constexpr std::string_view damage_prefix = "damaged/";
inline constexpr std::string_view probes_prefix = "probes/";
std::string contents_key(const BackupId& backup);  // "backups/<id>/contents"
std::string mark_key(std::string_view id);         // "collections/<id>"
std::string damage_key(const ContentId& content);  // "damaged/<content id>"

}  // namespace restored::format
