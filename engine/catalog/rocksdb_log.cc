#include "catalog/rocksdb_log.h"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include "base/log.h"

namespace restored::catalog {
namespace {

class RocksdbLog final : public rocksdb::Logger {
 public:
  RocksdbLog() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}

  using Logger::Logv;
  void Logv(const char* format, std::va_list arguments) override {
    Logv(rocksdb::InfoLogLevel::WARN_LEVEL, format, arguments);
  }
  void Logv(rocksdb::InfoLogLevel level, const char* format, std::va_list arguments) override {
    if (level < GetInfoLogLevel() || level == rocksdb::InfoLogLevel::HEADER_LEVEL) return;
    std::array<char, 1024> line;  // longer ones are cut
    const int length = std::vsnprintf(line.data(), line.size(), format, arguments);
    if (length <= 0) return;
    std::string_view text(line.data());
    while (text.ends_with('\n')) text.remove_suffix(1);
    // Said at every look into a file that no MANIFEST names yet: each import, each inspection.
    if (text.find("opened without unique ID") != std::string_view::npos) return;
    log::write(
        level >= rocksdb::InfoLogLevel::ERROR_LEVEL ? log::Level::error : log::Level::warning,
        "rocksdb", text);
  }
  // The list of all options at each opening.
  void LogHeader(const char* /*format*/, std::va_list /*arguments*/) override {}
};

}  // namespace

std::shared_ptr<rocksdb::Logger> rocksdb_log() {
  static const std::shared_ptr<rocksdb::Logger> the_log = std::make_shared<RocksdbLog>();
  return the_log;
}

}  // namespace restored::catalog
