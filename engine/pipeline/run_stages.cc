#include <algorithm>

#include "pipeline/stages.h"
#include "pipeline/workers.h"
#include "restored/limits.h"

namespace restored::pipeline {

void run_stages(const FetchEnvironment& environment, Flights& flights, Sink& sink,
                FirstError& first_error) {
  // Flights bound the pieces; the queue has room for all of them.
  BoundedQueue<Piece> decode_queue(limits::ranges_in_flight_max * limits::range_frames_max);
  const std::stop_token stop = first_error.token();
  {
    Workers decoders(first_error);
    decoders.start("restore-decode", std::max(1u, environment.decode_threads),
                   [&] { return decode_pieces(environment, decode_queue, sink, stop); });
    {
      Workers fetchers(first_error);
      fetchers.start("restore-fetch", std::max(1u, environment.store.reads_max()),
                     [&] { return fetch_ranges(environment, flights, sink, decode_queue, stop); });
    }
    decode_queue.close();
  }
  decode_queue.discard();
  flights.wait_landed();
}

}  // namespace restored::pipeline
