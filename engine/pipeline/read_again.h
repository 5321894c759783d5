// A part of an object whose bytes are not what they should be is read again before it is called
// corrupt: a bit that turned over on the way, in a proxy or in memory, is right the next time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "pipeline/progress.h"
#include "restored/error.h"
#include "restored/object_store.h"
#include "restored/store_call.h"

namespace restored::pipeline {

struct ObjectPart {
  std::string key;
  std::string name;  // for messages: "frame 17 of 000042.sst"
  std::uint64_t offset = 0;
  std::span<std::byte> bytes;  // where it was read to, and is read to again
};

// `found` is what check() said of the bytes. Reads them, up to limits::object_reads_again_max
// times, until check() says that they are right. Takes neither memory nor a turn, so that who holds
// memory may call it. Errors: corruption (check()'s own), store errors; all with the part's name.
Result<void> read_again(ObjectStore& store, Progress& progress, const ObjectPart& part, Error found,
                        const std::function<Result<void>()>& check, const StoreCall& call);

}  // namespace restored::pipeline
