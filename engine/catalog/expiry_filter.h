// Expired records disappear in compaction. Readers never see them anyway (restored/record.h), so
// this only gives their space back.
#pragma once

#include <rocksdb/compaction_filter.h>

#include <memory>

#include "base/clock.h"

namespace restored::catalog {

// Drops metadata records whose expiry has passed when the compaction begins; leaves everything
// that is no metadata record, or that it cannot read, where it is.
std::shared_ptr<rocksdb::CompactionFilterFactory> expiry_filter_factory(const Clock& clock);

}  // namespace restored::catalog
