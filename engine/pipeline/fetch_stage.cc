#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/bandwidth.h"
#include "base/wait_board.h"
#include "format/frame.h"
#include "pipeline/read_again.h"
#include "pipeline/stages.h"
#include "restored/limits.h"

namespace restored::pipeline {
namespace {

std::string place(const Flight& flight) {
  return fmt::format("frames {} to {} of {}", flight.range.frames.begin,
                     flight.range.frames.end - 1, flight.file->name);
}

// The frame index says more than the table, but a table that lies would mislead other readers, and
// says that the object was changed.
Result<void> table_fits(const Flight& flight) {
  const auto frames = flight.file->frames;
  RESTORED_TRY(const auto table, format::decode_seek_table(flight.table, flight.file->seal));
  if (table.size() != frames.size()) {
    return fail(ErrorCode::corruption,
                fmt::format("it has {} frames, not {}", table.size(), frames.size()));
  }
  for (std::size_t index = 0; index < frames.size(); ++index) {
    if (table[index].stored_bytes != frames[index].stored_bytes ||
        table[index].content_bytes != frames[index].content_bytes) {
      return fail(ErrorCode::corruption, fmt::format("the lengths of frame {} differ", index));
    }
  }
  return {};
}

// The operation's own limit is waited for before anything that others want too is taken: a slow
// operation must not keep turns and memory from a fast one.
Result<void> wait_for_bandwidth(const FetchEnvironment& environment, const Range& range,
                                const StoreCall& call) {
  if (call.bandwidth == nullptr) return {};
  const auto waiting = WaitBoard::post(environment.waits, "the operation's bandwidth limit");
  return call.bandwidth->take(range.stored_bytes + range.table_bytes, call.stop);
}

// First a turn, then memory, then the request: memory that waited for a turn would be idle, and an
// answer that waited for memory would be cut off by the server.
Result<void> read_range(const FetchEnvironment& environment, Flight& flight,
                        const StoreCall& call) {
  RESTORED_TRY(wait_for_bandwidth(environment, flight.range, call));
  StoreCall paid = call;
  paid.bandwidth = nullptr;
  RESTORED_TRY(const ReadTurn turn, environment.store.read_turn(paid));
  RESTORED_TRY(flight.acquire_memory(environment.budget, call.stop));
  BusyTimer busy(environment.progress, Stage::fetch);
  auto read =
      environment.store.read(flight.file->object_key, flight.read_offset, flight.read_into, paid);
  if (!read) return std::unexpected(context(place(flight), std::move(read).error()));
  environment.progress.bytes_transferred.fetch_add(flight.range.stored_bytes,
                                                   std::memory_order_relaxed);
  return {};
}

Result<void> check_table(const FetchEnvironment& environment, const Flight& flight,
                         const StoreCall& call) {
  if (flight.table.empty()) return {};
  auto fits = table_fits(flight);
  if (fits) return {};
  const ObjectPart part{flight.file->object_key, fmt::format("seek table of {}", flight.file->name),
                        flight.range.object_bytes - flight.table.size(), flight.table};
  return read_again(
      environment.store, environment.progress, part, std::move(fits).error(),
      [&] { return table_fits(flight); }, call);
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
                          BoundedQueue<Piece>& decode_queue, const StoreCall& call) {
  while (true) {
    RESTORED_TRY(std::optional<FlightHold> flight, flights.take(call.stop));
    if (!flight) return {};
    RESTORED_TRY(sink.open((*flight)->range, call));
    const FrameSpan frames = (*flight)->range.frames;
    if (frames.begin == frames.end) continue;
    RESTORED_TRY(read_range(environment, **flight, call));
    RESTORED_TRY(check_table(environment, **flight, call));
    cut_into_pieces(*flight, decode_queue, call.stop);
  }
}

}  // namespace restored::pipeline
