// The bytes of one file: what programs see, and what is on the device.
// Threading: none; the disk's lock protects it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "simulated_disk/random.h"
#include "simulated_disk/survival.h"

namespace restored::test {

inline constexpr std::size_t page_bytes = 4096;
inline constexpr std::size_t sector_bytes = 512;

class FileBytes {
 public:
  std::uint64_t size() const { return size_; }
  std::uint64_t pages() const { return (size_ + page_bytes - 1) / page_bytes; }

  // How many bytes were there.
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const;
  void write(std::uint64_t offset, std::span<const std::byte> from);
  void resize(std::uint64_t size);

  void sync();
  // A sync that failed: of its pages the last `written_part` were written, and the kernel takes the
  // others for written too, so that no later one writes them.
  void forget_unwritten(double written_part);

  // Both leave no page that one file could change for the other.
  FileBytes after_cut(Survival survival, Choices choices);
  FileBytes copy();

 private:
  using Page = std::array<std::byte, page_bytes>;
  using PagePointer = std::shared_ptr<Page>;  // null: zeros
  struct Slot {
    PagePointer now;
    PagePointer synced;
    bool dirty = false;
    bool own = false;  // `now` is nobody else's
  };

  void touch(std::size_t index);
  Page& own_page(std::size_t index);
  void share();
  static FileBytes settled(std::vector<PagePointer> pages, std::uint64_t size);
  PagePointer survivor(std::size_t index, std::uint64_t base_size, std::uint64_t& size,
                       Choices& choices) const;

  std::uint64_t size_ = 0;
  std::uint64_t synced_size_ = 0;
  std::optional<std::uint64_t> cut_to_;  // the least length since the last sync, below synced_size_
  std::vector<Slot> slots_;
  std::vector<std::size_t> dirty_;
};

}  // namespace restored::test
