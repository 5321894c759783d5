#include "catalog/catalog_record.h"

#include <fmt/format.h>

#include <boost/crc.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <exception>

#include "base/check.h"

namespace restored::catalog {
namespace {

namespace json = boost::json;

constexpr std::string_view magic = "restored-catalog";

std::uint32_t crc32c(std::string_view bytes) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

json::object provenance_object(const Provenance& provenance) {
  return {{"kind", provenance.kind},
          {"source_database", provenance.source_database.value},
          {"backup", provenance.backup.value},
          {"operation", provenance.operation.value}};
}

std::string text(const json::object& object, std::string_view key) {
  return std::string(object.at(key).as_string());
}

Provenance provenance_from(const json::object& object) {
  return Provenance{.kind = text(object, "kind"),
                    .source_database = DatabaseId(text(object, "source_database")),
                    .backup = BackupId(text(object, "backup")),
                    .operation = OperationId(text(object, "operation"))};
}

CatalogRecord record_from(const json::object& object) {
  CatalogRecord record;
  CatalogState& state = record.state;
  state.live = object.at("live").to_number<GenerationNumber>();
  state.live_provenance = provenance_from(object.at("live_provenance").as_object());
  if (const json::value* previous = object.if_contains("previous")) {
    state.previous = previous->to_number<GenerationNumber>();
    state.previous_provenance = provenance_from(object.at("previous_provenance").as_object());
    state.previous_until = object.at("previous_until").to_number<UnixMillis>();
    if (const json::value* seconds = object.if_contains("previous_seconds")) {
      state.previous_seconds = seconds->to_number<std::uint64_t>();
    }
  }
  state.last_swap = OperationId(text(object, "last_swap"));
  for (const json::value& backup : object.at("base_backups").as_array()) {
    state.base_backups.emplace_back(std::string(backup.as_string()));
  }
  record.numbers_end = object.at("numbers_end").to_number<GenerationNumber>();
  return record;
}

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::corruption, fmt::format("the catalog record {}", what));
}

}  // namespace

std::optional<std::string_view> broken_rule(const CatalogRecord& record) {
  const CatalogState& state = record.state;
  if (state.live == 0) return "names no live generation";
  if (state.live >= record.numbers_end) return "names a live generation that was never made";
  if (state.previous && *state.previous == state.live) return "names one generation twice";
  if (state.previous && (*state.previous == 0 || *state.previous >= record.numbers_end))
    return "names a previous generation that was never made";
  if (state.previous.has_value() != state.previous_until.has_value())
    return "has a previous generation without an end of its time, or the reverse";
  if (state.base_backups.size() > base_backups_max) return "names too many base backups";
  return std::nullopt;
}

void forget_previous(CatalogState& state) {
  state.previous.reset();
  state.previous_provenance = {};
  state.previous_until.reset();
  state.previous_seconds = 0;
}

std::string encode(const CatalogRecord& record) {
  RESTORED_CHECK(!broken_rule(record), "only a sound catalog record is written");
  const CatalogState& state = record.state;
  json::array backups;
  for (const BackupId& backup : state.base_backups) backups.emplace_back(backup.value);
  json::object object{{"live", state.live},
                      {"live_provenance", provenance_object(state.live_provenance)},
                      {"last_swap", state.last_swap.value},
                      {"base_backups", std::move(backups)},
                      {"numbers_end", record.numbers_end}};
  if (state.previous) {
    object["previous"] = *state.previous;
    object["previous_provenance"] = provenance_object(state.previous_provenance);
    object["previous_until"] = *state.previous_until;
    if (state.previous_seconds > 0) object["previous_seconds"] = state.previous_seconds;
  }
  const std::string body = json::serialize(object);
  return fmt::format("{} {} {:08x}\n{}", magic, catalog_record_version, crc32c(body), body);
}

Result<CatalogRecord> decode_catalog(std::string_view bytes) {
  const std::size_t line_end = bytes.find('\n');
  if (line_end == std::string_view::npos) return damaged("has no first line");
  std::string_view line = bytes.substr(0, line_end);
  const std::string_view body = bytes.substr(line_end + 1);
  if (!line.starts_with(magic)) return damaged("does not begin with its name");
  line.remove_prefix(magic.size());

  const char* const end = line.data() + line.size();
  int version = 0;
  if (line.empty() || line.front() != ' ') return damaged("has no version");
  const auto after_version = std::from_chars(line.data() + 1, end, version);
  if (after_version.ec != std::errc{}) return damaged("has no version");
  if (version > catalog_record_version) {
    return fail(ErrorCode::unsupported_format,
                fmt::format("the catalog record has version {}, this program reads up to {}",
                            version, catalog_record_version));
  }
  if (version != catalog_record_version) return damaged("has an unknown version");
  std::uint32_t checksum = 0;
  if (end - after_version.ptr != 9 || *after_version.ptr != ' ') return damaged("has no checksum");
  const auto after_checksum = std::from_chars(after_version.ptr + 1, end, checksum, 16);
  if (after_checksum.ec != std::errc{} || after_checksum.ptr != end)
    return damaged("has no checksum");
  if (checksum != crc32c(body)) return damaged("fails its checksum");

  try {
    CatalogRecord record = record_from(json::parse(body).as_object());
    if (const auto rule = broken_rule(record)) return damaged(*rule);
    return record;
  } catch (const std::exception& error) {  // Boost.JSON's way to say "not of this shape"
    return damaged(fmt::format("passes its checksum and cannot be read: {}", error.what()));
  }
}

}  // namespace restored::catalog
