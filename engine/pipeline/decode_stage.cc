#include <fmt/core.h>

#include <optional>
#include <utility>

#include "format/frame.h"
#include "pipeline/stages.h"

namespace restored::pipeline {
namespace {

Result<void> decode_piece(format::FrameDecoder& decoder, const Piece& piece) {
  const FetchFile& file = *piece.flight->file;
  auto stored = piece.flight->stored.subspan(piece.stored_offset);
  auto content = piece.flight->content.subspan(piece.content_offset);
  for (std::uint64_t index = piece.frames.begin; index < piece.frames.end; ++index) {
    const format::Frame& frame = file.frames[index];
    auto decoded = decoder.decode(frame, index, stored.first(frame.stored_bytes),
                                  content.first(frame.content_bytes));
    if (!decoded) {
      return std::unexpected(
          context(fmt::format("frame {} of {}", index, file.name), std::move(decoded).error()));
    }
    stored = stored.subspan(frame.stored_bytes);
    content = content.subspan(frame.content_bytes);
  }
  return {};
}

}  // namespace

Result<void> decode_pieces(const FetchEnvironment& environment, BoundedQueue<Piece>& decode_queue,
                           Sink& sink, std::stop_token stop) {
  format::FrameDecoder decoder;
  while (true) {
    std::optional<Piece> piece = decode_queue.pop(stop);
    if (!piece) return {};
    {
      BusyTimer busy(environment.progress, Stage::decode);
      RESTORED_TRY(decode_piece(decoder, *piece));
    }
    RESTORED_TRY(sink.accept(std::move(*piece)));
  }
}

}  // namespace restored::pipeline
