// The stored lengths of an object's frames, from the object itself. The same content may have been
// written again since its frame index was: at another level of compression its frames have other
// lengths, and the same hashes.
#pragma once

#include <span>
#include <string>

#include "format/frame.h"
#include "pipeline/progress.h"
#include "restored/error.h"
#include "restored/object_store.h"
#include "restored/store_call.h"

namespace restored::pipeline {

// False: the object is not there. True: `frames`, which are all of its file, have the lengths that
// the object's own seek table says. Nothing is said of the content: hashes say that when it is
// read. Errors: corruption, also when read again (it cannot be an object of these frames, which
// stay as they are), store errors.
Result<bool> adopt_lengths(ObjectStore& store, Progress& progress, const std::string& object_key,
                           const format::ObjectSeal& seal, std::span<format::Frame> frames,
                           const StoreCall& call);

}  // namespace restored::pipeline
