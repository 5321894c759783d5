#include <fmt/core.h>

#include <optional>
#include <utility>

#include "format/frame.h"
#include "pipeline/read_again.h"
#include "pipeline/stages.h"

namespace restored::pipeline {
namespace {

Result<void> decode_piece(const FetchEnvironment& environment, format::FrameDecoder& decoder,
                          const Piece& piece, const StoreCall& call) {
  const Flight& flight = *piece.flight;
  const FetchFile& file = *flight.file;
  std::size_t stored_offset = piece.stored_offset;
  auto content = flight.content.subspan(piece.content_offset);
  for (std::uint64_t index = piece.frames.begin; index < piece.frames.end; ++index) {
    const format::Frame& frame = file.frames[index];
    const auto stored = flight.stored.subspan(stored_offset, frame.stored_bytes);
    const auto decode = [&] {
      BusyTimer busy(environment.progress, Stage::decode);
      return decoder.decode(frame, index, stored, content.first(frame.content_bytes), file.seal);
    };
    if (auto decoded = decode(); !decoded) {
      const ObjectPart part{file.object_key, fmt::format("frame {} of {}", index, file.name),
                            flight.range.stored_offset + stored_offset, stored};
      RESTORED_TRY(read_again(environment.store, environment.progress, part,
                              std::move(decoded).error(), decode, call));
    }
    stored_offset += frame.stored_bytes;
    content = content.subspan(frame.content_bytes);
  }
  return {};
}

}  // namespace

Result<void> decode_pieces(const FetchEnvironment& environment, BoundedQueue<Piece>& decode_queue,
                           Sink& sink, const StoreCall& call) {
  format::FrameDecoder decoder;
  while (true) {
    std::optional<Piece> piece = decode_queue.pop(call.stop);
    if (!piece) return {};
    RESTORED_TRY(decode_piece(environment, decoder, *piece, call));
    RESTORED_TRY(sink.accept(std::move(*piece)));
  }
}

}  // namespace restored::pipeline
