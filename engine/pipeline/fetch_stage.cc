#include <fmt/core.h>

#include <string>
#include <utility>

#include "pipeline/stages.h"
#include "restored/limits.h"

namespace restored::pipeline {
namespace {

std::string place(const Flight& flight) {
  return fmt::format("frames {} to {} of {}", flight.range.frames.begin,
                     flight.range.frames.end - 1, flight.file->name);
}

Result<void> read_range(const FetchEnvironment& environment, Flight& flight, std::stop_token stop) {
  RESTORED_TRY(flight.acquire_memory(environment.budget, stop));
  BusyTimer busy(environment.progress, Stage::fetch);
  auto read =
      environment.store.read(flight.file->object_key, flight.read_offset, flight.read_into, stop);
  if (!read) return std::unexpected(context(place(flight), std::move(read).error()));
  environment.progress.bytes_transferred.fetch_add(flight.range.stored_bytes,
                                                   std::memory_order_relaxed);
  return {};
}

// Nothing is lost when a push fails: the queue refuses only in a run that has already failed.
void cut_into_pieces(const FlightHold& flight, BoundedQueue<Piece>& decode_queue,
                     std::stop_token stop) {
  constexpr std::uint64_t frames_max = limits::write_bytes_max / limits::frame_bytes;
  const Range& range = flight->range;
  std::size_t stored_offset = 0;
  std::size_t content_offset = 0;
  for (std::uint64_t begin = range.frames.begin; begin < range.frames.end; begin += frames_max) {
    Piece piece;
    piece.flight = flight.share();
    piece.frames = {begin, std::min(begin + frames_max, range.frames.end)};
    piece.stored_offset = stored_offset;
    piece.content_offset = content_offset;
    for (std::uint64_t frame = piece.frames.begin; frame < piece.frames.end; ++frame) {
      stored_offset += flight->file->frames[frame].stored_bytes;
      content_offset += flight->file->frames[frame].content_bytes;
    }
    piece.content_bytes = content_offset - piece.content_offset;
    if (!decode_queue.push(std::move(piece), stop)) return;
  }
}

}  // namespace

Result<void> fetch_ranges(const FetchEnvironment& environment, Flights& flights, Sink& sink,
                          BoundedQueue<Piece>& decode_queue, std::stop_token stop) {
  while (true) {
    RESTORED_TRY(std::optional<FlightHold> flight, flights.take(stop));
    if (!flight) return {};
    RESTORED_TRY(sink.open((*flight)->range, stop));
    const FrameSpan frames = (*flight)->range.frames;
    if (frames.begin == frames.end) continue;
    RESTORED_TRY(read_range(environment, **flight, stop));
    cut_into_pieces(*flight, decode_queue, stop);
  }
}

}  // namespace restored::pipeline
