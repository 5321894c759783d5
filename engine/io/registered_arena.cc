#include "io/registered_arena.h"

#include <liburing.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/check.h"
#include "base/log.h"
#include "restored/limits.h"

namespace restored::io {
namespace {

// Large enough to be looked up rarely, small enough that a small restore does not touch the whole
// arena. The kernel takes at most 16,384 fixed buffers of at most 1 GiB each.
constexpr std::size_t piece_bytes_min = 16 * kMiB;
constexpr std::size_t piece_bytes_max = 1 * kGiB;
constexpr std::size_t pieces_max = 16 * 1024;

}  // namespace

RegisteredArena::RegisteredArena(MemoryBudget* memory)
    : memory_(memory), refused_(memory == nullptr) {
  if (memory_ == nullptr) return;
  const std::size_t arena_bytes = memory_->arena().size();
  piece_bytes_ = std::max<std::size_t>(
      piece_bytes_min, round_up((arena_bytes + pieces_max - 1) / pieces_max, piece_bytes_min));
  present_.resize((arena_bytes + piece_bytes_ - 1) / piece_bytes_);
  refused_ = piece_bytes_ > piece_bytes_max;
}

std::optional<RegisteredArena::Piece> RegisteredArena::find(std::span<const std::byte> memory,
                                                            ::io_uring& ring) {
  if (memory_ == nullptr) return std::nullopt;
  const std::span<std::byte> arena = memory_->arena();
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  const auto begin = reinterpret_cast<std::uintptr_t>(arena.data());
  if (address < begin || address >= begin + arena.size()) return std::nullopt;
  const std::size_t offset = address - begin;
  RESTORED_CHECK(memory.size() <= arena.size() - offset, "memory lies in the arena or outside it");
  const std::size_t index = offset / piece_bytes_;
  if (!present_[index] && !add(index, ring)) return std::nullopt;
  return Piece{static_cast<int>(index),
               std::min(arena.size(), (index + 1) * piece_bytes_) - offset};
}

bool RegisteredArena::open_table(::io_uring& ring) {
  const int error =
      -::io_uring_register_buffers_sparse(&ring, static_cast<unsigned>(present_.size()));
  if (error != 0) {
    refuse(error);
    return false;
  }
  pin_ = memory_->pin();
  return true;
}

bool RegisteredArena::add(std::size_t index, ::io_uring& ring) {
  if (refused_) return false;
  if (!pin_ && !open_table(ring)) return false;
  const std::span<std::byte> arena = memory_->arena();
  const std::size_t offset = index * piece_bytes_;
  const ::iovec piece = {arena.data() + offset, std::min(piece_bytes_, arena.size() - offset)};
  const __u64 tag = 0;
  const int outcome =
      ::io_uring_register_buffers_update_tag(&ring, static_cast<unsigned>(index), &piece, &tag, 1);
  if (outcome != 1) {
    refuse(outcome < 0 ? -outcome : EINVAL);
    return false;
  }
  present_[index] = true;
  return true;
}

// For good: what the kernel refuses now it would refuse at every request. Pieces that are
// registered already stay in use until the ring is idle.
void RegisteredArena::refuse(int error) {
  refused_ = true;
  static std::atomic<bool> noted = false;
  if (noted.exchange(true)) return;
  log::warning("io", "reading and writing with plain buffers, not registered ones: {}{}",
               std::generic_category().message(error),
               error == ENOMEM   ? ": raise RLIMIT_MEMLOCK (LimitMEMLOCK= of the unit) above the "
                                   "memory budget"
               : error == EINVAL ? ": use Linux 5.19 or newer"
                                 : "");
}

void RegisteredArena::let_go(::io_uring& ring) {
  if (!pin_) return;
  const int error = -::io_uring_unregister_buffers(&ring);
  // The ring still holds the pages: then so must the pin.
  if (error != 0) {
    log::warning("io", "registered buffers stay: {}", std::generic_category().message(error));
    return;
  }
  present_.assign(present_.size(), false);
  pin_.release();
}

}  // namespace restored::io
