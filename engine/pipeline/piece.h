// Consecutive frames of one range, at most limits::write_bytes_max of content: what one decoder
// takes at a time, so that several work on one range, and what becomes one write.
#pragma once

#include <cstddef>
#include <cstdint>

#include "pipeline/fetch.h"
#include "pipeline/flights.h"
#include "restored/error.h"
#include "restored/store_call.h"

namespace restored::pipeline {

struct Piece {
  FlightHold flight;
  FrameSpan frames;
  std::size_t stored_offset = 0;   // in flight->stored
  std::size_t content_offset = 0;  // in flight->content
  std::size_t content_bytes = 0;

  std::span<const std::byte> content() const {
    return flight->content.subspan(content_offset, content_bytes);
  }
};

// Where decoded pieces go. Threading: all methods from any thread at once.
class Sink {
 public:
  virtual ~Sink() = default;
  // Before a range is read: its file is ready for it when this returns.
  virtual Result<void> open(const Range& range, const StoreCall& call) = 0;
  // The piece's content is decoded and verified. Its hold is kept for as long as it is needed.
  virtual Result<void> accept(Piece piece) = 0;
};

}  // namespace restored::pipeline
