// The agent's own records: of the catalog, and of the registry. Any bytes, and any body behind a
// checksum that fits it.
#include <fmt/format.h>

#include <boost/crc.hpp>
#include <string>

#include "catalog/catalog_record.h"
#include "choices.h"
#include "registry/records.h"
#include "registry/request_records.h"
#include "target.h"

namespace restored::fuzz {
namespace {

std::string with_checksum(std::string_view body) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(body.data(), body.size());
  return fmt::format("restored-catalog {} {:08x}\n{}", catalog::catalog_record_version,
                     crc.checksum(), body);
}

void check_catalog(const std::string& bytes) {
  const auto read = catalog::decode_catalog(bytes);
  if (!read) return require_sound(read.error());
  require(!catalog::broken_rule(*read), "a record that is read breaks no rule");
  const std::string written = catalog::encode(*read);
  const auto again = catalog::decode_catalog(written);
  require(again && catalog::encode(*again) == written,
          "a record that is written again is the same");
  std::string changed = bytes;
  changed[bytes.size() - 1] = static_cast<char>(changed[bytes.size() - 1] ^ 1);
  require(!catalog::decode_catalog(changed), "a changed byte is noticed");
}

template <class Decode>
void check_record(std::string_view text, Decode decode) {
  const auto read = decode("family/id", text);
  if (!read) {
    require(read.error().code == ErrorCode::corruption ||
                read.error().code == ErrorCode::unsupported_format,
            "a record that makes no sense is damaged or newer");
    require(read.error().message.find("family/id") != std::string::npos, "an error names the key");
    return require_sound(read.error());
  }
  const std::string written = registry::encode(*read);
  require(is_utf8(written), "a record is UTF-8");
  const auto again = decode("family/id", written);
  require(again && registry::encode(*again) == written,
          "a record that is written again is the same");
}

void run(std::string_view input) {
  Choices choices(input);
  const std::uint8_t kind = choices.byte();
  const std::string_view text = choices.rest();
  switch (kind % 10) {
    case 0:
      return check_catalog(std::string(text));
    case 1:
      return check_catalog(with_checksum(text));
    case 2:
      return check_record(text, registry::decode_database);
    case 3:
      return check_record(text, registry::decode_connection);
    case 4:
      return check_record(text, registry::decode_token);
    case 7:
      return check_record(text, registry::decode_request);
    case 8:
      return check_record(text, registry::decode_audit);
    case 9:
      return check_record(text, registry::decode_usage);
    case 5:
      (void)registry::is_ended_operation("family/id", text);
      return check_record(text, registry::decode_operation);
    default:
      return check_record(text, registry::decode_facts);
  }
}

const Registration registration({"local_records", 4 * 1024, run});

}  // namespace
}  // namespace restored::fuzz
