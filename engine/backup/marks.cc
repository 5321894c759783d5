#include "backup/marks.h"

#include "backup/documents.h"
#include "format/contents.h"
#include "restored/limits.h"

namespace restored::backup {

Result<std::vector<Mark>> list_marks(ObjectStore& store, const StoreCall& call) {
  std::vector<Mark> marks;
  const auto visit = [&](const ObjectInfo& info) {
    const std::string id = info.key.substr(format::marks_prefix.size());
    if (format::valid_id(id)) marks.push_back({id, info.modified_unix_millis});
    return true;
  };
  RESTORED_TRY(store.list(format::marks_prefix, visit, call));
  return marks;
}

std::string describe(ObjectStore& store, const Mark& mark, const StoreCall& call) {
  const auto read = read_document(store, format::mark_key(mark.id), limits::small_object_bytes_max,
                                  call, format::decode_mark);
  std::string text = "collection " + mark.id;
  if (read && !read->host.empty()) text += " of host " + read->host;
  return text;
}

}  // namespace restored::backup
