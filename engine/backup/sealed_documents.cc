#include "backup/sealed_documents.h"

#include <fmt/core.h>

#include <optional>

#include "format/manifest.h"

namespace restored::backup {

// It says the repository's id, and so cannot be bound to it.
format::Place SealedDocuments::place(std::string_view kind, const std::string& key) const {
  return {kind == format::repository_kind ? std::string() : repository_id_, key};
}

Result<SealedDocuments::Opened> SealedDocuments::open(std::string_view kind, const std::string& key,
                                                      std::string_view bytes,
                                                      const StoreCall& call) const {
  const std::optional<std::string> id = format::sealed_with(kind, bytes);
  if (id) {
    auto data_key = keys_.find(store_, *id, call);
    if (!data_key) return std::unexpected(context(key, std::move(data_key).error()));
    RESTORED_TRY(std::string document,
                 format::open_document(**data_key, kind, place(kind, key), bytes));
    return Opened{std::move(document), *data_key};
  }
  if (keys_.accepts_unencrypted()) return Opened{};
  // Whatever its decoder would say of it, it is not believed.
  if (bytes.starts_with(fmt::format("{{\"restored\":\"{}\",\"version\":1,", kind)))
    return fail(ErrorCode::unencrypted_refused, fmt::format("{} is not encrypted", key));
  const std::string newer = fmt::format("{{\"restored\":\"{}\",\"version\":", kind);
  const std::size_t digit = newer.size();
  if (bytes.starts_with(newer) && bytes.size() > digit && bytes[digit] >= '3' &&
      bytes[digit] <= '9')
    return fail(ErrorCode::unsupported_format,
                fmt::format("{} has a format version that this agent does not know", key));
  return fail(ErrorCode::corruption, fmt::format("{} is not an encrypted {}", key, kind));
}

std::string SealedDocuments::seal(std::string_view kind, const std::string& key,
                                  std::string document) const {
  if (data_key_ == nullptr) return document;
  return format::seal_document(*data_key_, kind, place(kind, key), document);
}

}  // namespace restored::backup
