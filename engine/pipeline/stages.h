// The two stages that every run has: ranges are read from the store and cut into pieces, pieces
// are decoded and handed to the sink.
#pragma once

#include <span>
#include <stop_token>

#include "base/object_versions.h"
#include "pipeline/bounded_queue.h"
#include "pipeline/fetch.h"
#include "pipeline/first_error.h"
#include "pipeline/flights.h"
#include "pipeline/piece.h"
#include "restored/error.h"
#include "restored/store_call.h"

namespace restored::pipeline {

// What all reads of one run have in common.
StoreCall reading_call(const FetchEnvironment& environment, ObjectVersions& versions,
                       std::stop_token stop);

// One fetch thread: until the plan ends. Errors: store errors, naming the frames and the file.
Result<void> fetch_ranges(const FetchEnvironment& environment, Flights& flights, Sink& sink,
                          BoundedQueue<Piece>& decode_queue, const StoreCall& call);

// One decode thread: until the queue closes. Frames that are not right are read again, with `call`.
// Errors: corruption, naming the frame and the file; store errors.
Result<void> decode_pieces(const FetchEnvironment& environment, BoundedQueue<Piece>& decode_queue,
                           Sink& sink, const StoreCall& call);

// Runs both stages to the end of the plan; when it returns every piece was accepted and released,
// or first_error has the reason. `files` are those of `flights`; `call` has first_error's token.
void run_stages(std::span<const FetchFile> files, const FetchEnvironment& environment,
                Flights& flights, Sink& sink, const StoreCall& call, FirstError& first_error);

}  // namespace restored::pipeline
