// Where the records of a write-ahead log end, told from the bytes that RocksDB appends to it:
// blocks of 32 KiB, filled with fragments of seven bytes of header (checksum 4, length 2, type 1)
// and a payload; fewer than seven bytes at the end of a block are left empty. The checksum is the
// CRC-32C of type and payload, rotated right by 15 bits, plus 0xa282ead8. Source: RocksDB,
// db/log_format.h, db/log_writer.cc, util/crc32c.h; no recycled logs, which we do not have.
#pragma once

#include <array>
#include <boost/crc.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace restored::catalog {

// Threading: one thread at a time.
class LogRecords {
 public:
  enum class Checksums : std::uint8_t { left_alone, compared };
  explicit LogRecords(Checksums checksums = Checksums::left_alone) : checksums_(checksums) {}

  void append(std::string_view bytes);

  // Something else than the above was appended, or the checksum that is compared is another: where
  // records end is not known.
  bool understood() const { return understood_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t whole_bytes() const { return whole_bytes_; }  // to the end of the last whole record

 private:
  static constexpr std::uint64_t block_bytes = 32'768;
  static constexpr std::size_t header_bytes = 7;

  using Crc32c = boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true>;

  void end_fragment();
  bool checksum_agrees() const;

  const Checksums checksums_;
  Crc32c checksum_;  // of the fragment so far
  std::uint64_t bytes_ = 0;
  std::uint64_t whole_bytes_ = 0;
  std::array<unsigned char, header_bytes> header_ = {};
  std::size_t header_seen_ = 0;   // bytes of it
  std::size_t payload_left_ = 0;  // after the header
  bool understood_ = true;
};

}  // namespace restored::catalog
