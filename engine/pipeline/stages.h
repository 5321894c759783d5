// The two stages that every run has: ranges are read from the store and cut into pieces, pieces
// are decoded and handed to the sink.
#pragma once

#include "pipeline/bounded_queue.h"
#include "pipeline/fetch.h"
#include "pipeline/first_error.h"
#include "pipeline/flights.h"
#include "pipeline/piece.h"
#include "restored/error.h"

namespace restored::pipeline {

// One fetch thread: until the plan ends. Errors: store errors, naming the frames and the file.
Result<void> fetch_ranges(const FetchEnvironment& environment, Flights& flights, Sink& sink,
                          BoundedQueue<Piece>& decode_queue, std::stop_token stop);

// One decode thread: until the queue closes. Errors: corruption, naming the frame and the file.
Result<void> decode_pieces(const FetchEnvironment& environment, BoundedQueue<Piece>& decode_queue,
                           Sink& sink, std::stop_token stop);

// Runs both stages to the end of the plan; when it returns every piece was accepted and released,
// or first_error has the reason.
void run_stages(const FetchEnvironment& environment, Flights& flights, Sink& sink,
                FirstError& first_error);

}  // namespace restored::pipeline
