#include <algorithm>
#include <utility>

#include "base/log.h"
#include "pipeline/stages.h"
#include "pipeline/workers.h"
#include "restored/limits.h"

namespace restored::pipeline {
namespace {

// No more than there may be ranges: a small run pays for few.
unsigned fetch_threads(std::span<const FetchFile> files, const ObjectStore& store) {
  constexpr std::uint64_t range_frames_min =
      std::min(limits::range_stored_bytes_max / limits::frame_stored_bytes_max - 1,
               limits::range_frames_max);
  std::uint64_t ranges = 0;
  for (const FetchFile& file : files) ranges += 1 + file.frames.size() / range_frames_min;
  const std::uint64_t useful = std::clamp<std::uint64_t>(ranges, 1, limits::ranges_in_flight_max);
  return std::min(std::max(1u, store.reads_max()), static_cast<unsigned>(useful));
}

}  // namespace

StoreCall reading_call(const FetchEnvironment& environment, ObjectVersions& versions,
                       std::stop_token stop) {
  StoreCall call(std::move(stop));
  call.waits = environment.waits;
  call.bandwidth = environment.bandwidth;
  call.versions = &versions;
  return call;
}

void run_stages(std::span<const FetchFile> files, const FetchEnvironment& environment,
                Flights& flights, Sink& sink, const StoreCall& call, FirstError& first_error) {
  const std::uint64_t read_again_before = environment.progress.frames_read_again;
  // Flights bound the pieces; the queue has room for all of them.
  BoundedQueue<Piece> decode_queue(limits::ranges_in_flight_max * limits::range_frames_max);
  {
    Workers decoders(first_error);
    decoders.start("restore-decode", std::max(1u, environment.decode_threads),
                   [&] { return decode_pieces(environment, decode_queue, sink, call); });
    {
      Workers fetchers(first_error);
      fetchers.start("restore-fetch", fetch_threads(files, environment.store),
                     [&] { return fetch_ranges(environment, flights, sink, decode_queue, call); });
    }
    decode_queue.close();
  }
  decode_queue.discard();
  flights.wait_landed();
  const std::uint64_t read_again = environment.progress.frames_read_again - read_again_before;
  if (read_again > 1 && !first_error.stopped()) {
    log::warning("pipeline", "{} frames from {} differed at first and were read again", read_again,
                 environment.store.url());
  }
}

}  // namespace restored::pipeline
