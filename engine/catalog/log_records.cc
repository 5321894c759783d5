#include "catalog/log_records.h"

#include <algorithm>
#include <bit>

namespace restored::catalog {
namespace {

enum FragmentType : unsigned char { whole = 1, first = 2, middle = 3, last = 4 };

}  // namespace

void LogRecords::append(std::string_view bytes) {
  while (!bytes.empty() && understood_) {
    std::size_t taken = 0;
    const std::uint64_t block_left = block_bytes - bytes_ % block_bytes;
    if (header_seen_ == 0 && block_left < header_bytes) {
      taken = std::min<std::size_t>(block_left, bytes.size());
      bytes_ += taken;
    } else if (header_seen_ < header_bytes) {
      taken = std::min(header_bytes - header_seen_, bytes.size());
      std::ranges::copy(bytes.substr(0, taken), header_.data() + header_seen_);
      header_seen_ += taken;
      bytes_ += taken;
      if (header_seen_ == header_bytes) {
        payload_left_ = static_cast<std::size_t>(header_[4] | header_[5] << 8);
        if (checksums_ == Checksums::compared) {
          checksum_.reset();
          checksum_.process_byte(header_[6]);
        }
        if (payload_left_ == 0) end_fragment();
      }
    } else {
      taken = std::min(payload_left_, bytes.size());
      if (checksums_ == Checksums::compared) checksum_.process_bytes(bytes.data(), taken);
      payload_left_ -= taken;
      bytes_ += taken;
      if (payload_left_ == 0) end_fragment();
    }
    bytes.remove_prefix(taken);
  }
}

bool LogRecords::checksum_agrees() const {
  const std::uint32_t masked = std::rotr(std::uint32_t{checksum_.checksum()}, 15) + 0xa282ead8U;
  for (unsigned i = 0; i < 4; ++i)
    if (header_[i] != (masked >> (8 * i) & 0xffU)) return false;
  return true;
}

void LogRecords::end_fragment() {
  header_seen_ = 0;
  const unsigned char type = header_[6];
  if (type < whole || type > last) understood_ = false;
  if (checksums_ == Checksums::compared && !checksum_agrees()) understood_ = false;
  if (type == whole || type == last) whole_bytes_ = bytes_;
}

}  // namespace restored::catalog
