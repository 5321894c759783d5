#include "catalog/expiry_filter.h"

#include <string>
#include <string_view>

#include "restored/record.h"

namespace restored::catalog {
namespace {

class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(UnixMillis now) : now_(now) {}
  const char* Name() const override { return "restored.expiry"; }

  Decision FilterV2(int /*level*/, const rocksdb::Slice& key, ValueType type,
                    const rocksdb::Slice& value, std::string* /*new_value*/,
                    std::string* /*skip_until*/) const override {
    if (type != ValueType::kValue) return Decision::kKeep;
    if (key.empty() || key[0] != record::metadata_prefix) return Decision::kKeep;
    const auto metadata = record::decode(std::string_view(value.data(), value.size()));
    // kRemove leaves a tombstone where an older version may lie below.
    return metadata && record::expired(*metadata, now_) ? Decision::kRemove : Decision::kKeep;
  }

 private:
  const UnixMillis now_;
};

class ExpiryFilterFactory final : public rocksdb::CompactionFilterFactory {
 public:
  explicit ExpiryFilterFactory(const Clock& clock) : clock_(clock) {}
  const char* Name() const override { return "restored.expiry"; }

  std::unique_ptr<rocksdb::CompactionFilter> CreateCompactionFilter(
      const rocksdb::CompactionFilter::Context& /*context*/) override {
    return std::make_unique<ExpiryFilter>(clock_.wall());
  }

 private:
  const Clock& clock_;
};

}  // namespace

std::shared_ptr<rocksdb::CompactionFilterFactory> expiry_filter_factory(const Clock& clock) {
  return std::make_shared<ExpiryFilterFactory>(clock);
}

}  // namespace restored::catalog
