#include "simulated_disk/file_bytes.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace restored::test {
namespace {

std::size_t pages_of(std::uint64_t size) {
  return static_cast<std::size_t>((size + page_bytes - 1) / page_bytes);
}

}  // namespace

std::size_t FileBytes::read(std::uint64_t offset, std::span<std::byte> into) const {
  if (offset >= size_) return 0;
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset));
  std::size_t done = 0;
  while (done < bytes) {
    const std::uint64_t at = offset + done;
    const auto index = static_cast<std::size_t>(at / page_bytes);
    const auto within = static_cast<std::size_t>(at % page_bytes);
    const std::size_t part = std::min(bytes - done, page_bytes - within);
    const Page* const page = index < slots_.size() ? slots_[index].now.get() : nullptr;
    if (page == nullptr) {
      std::memset(into.data() + done, 0, part);
    } else {
      std::memcpy(into.data() + done, page->data() + within, part);
    }
    done += part;
  }
  return bytes;
}

void FileBytes::write(std::uint64_t offset, std::span<const std::byte> from) {
  std::size_t done = 0;
  while (done < from.size()) {
    const std::uint64_t at = offset + done;
    const auto index = static_cast<std::size_t>(at / page_bytes);
    const auto within = static_cast<std::size_t>(at % page_bytes);
    const std::size_t part = std::min(from.size() - done, page_bytes - within);
    std::memcpy(own_page(index).data() + within, from.data() + done, part);
    done += part;
  }
  size_ = std::max(size_, offset + from.size());
}

void FileBytes::resize(std::uint64_t size) {
  if (size < size_) {
    for (std::size_t index = pages_of(size); index < slots_.size(); ++index) {
      if (slots_[index].now == nullptr) continue;
      touch(index);
      slots_[index].now = nullptr;
      slots_[index].own = false;
    }
    if (const std::size_t rest = size % page_bytes; rest != 0) {
      const auto last = static_cast<std::size_t>(size / page_bytes);
      if (last < slots_.size() && slots_[last].now)
        std::memset(own_page(last).data() + rest, 0, page_bytes - rest);
    }
    if (size < synced_size_) cut_to_ = std::min(cut_to_.value_or(size), size);
  }
  size_ = size;
}

void FileBytes::sync() {
  for (const std::size_t index : dirty_) {
    slots_[index].synced = slots_[index].now;
    slots_[index].dirty = false;
    slots_[index].own = false;
  }
  dirty_.clear();
  synced_size_ = size_;
  cut_to_.reset();
}

void FileBytes::forget_unwritten(double written_part) {
  std::ranges::sort(dirty_);
  const auto written = static_cast<std::size_t>(static_cast<double>(dirty_.size()) * written_part);
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    Slot& slot = slots_[dirty_[i]];
    slot.dirty = false;
    slot.own = false;
    if (i >= dirty_.size() - written) slot.synced = slot.now;
  }
  if (written > 0) synced_size_ = size_;
  dirty_.clear();
}

void FileBytes::touch(std::size_t index) {
  if (index >= slots_.size()) slots_.resize(index + 1);
  if (slots_[index].dirty) return;
  slots_[index].dirty = true;
  dirty_.push_back(index);
}

FileBytes::Page& FileBytes::own_page(std::size_t index) {
  touch(index);
  Slot& slot = slots_[index];
  if (!slot.own) {
    slot.now = slot.now ? std::make_shared<Page>(*slot.now) : std::make_shared<Page>();
    slot.own = true;
  }
  return *slot.now;
}

void FileBytes::share() {
  for (Slot& slot : slots_) slot.own = false;
}

FileBytes FileBytes::copy() {
  share();
  return *this;
}

FileBytes FileBytes::settled(std::vector<PagePointer> pages, std::uint64_t size) {
  FileBytes file;
  file.size_ = file.synced_size_ = size;
  pages.resize(std::min(pages.size(), pages_of(size)));
  file.slots_.resize(pages.size());
  for (std::size_t index = 0; index < pages.size(); ++index) {
    Slot& slot = file.slots_[index];
    slot.now = std::move(pages[index]);
    const std::size_t rest = size % page_bytes;
    if (slot.now && rest != 0 && index == size / page_bytes) {
      slot.now = std::make_shared<Page>(*slot.now);
      std::memset(slot.now->data() + rest, 0, page_bytes - rest);
    }
    slot.synced = slot.now;
  }
  return file;
}

// What is left of a page that differs from its synced state. Bytes from base_size on were not there
// before; a file whose last bytes were on their way is no longer than what arrived: `size`.
FileBytes::PagePointer FileBytes::survivor(std::size_t index, std::uint64_t base_size,
                                           std::uint64_t& size, Choices& choices) const {
  const Slot& slot = slots_[index];
  const std::uint64_t begin = std::uint64_t{index} * page_bytes;
  PagePointer old = begin < base_size ? slot.synced : nullptr;
  if (old && base_size < begin + page_bytes) {
    old = std::make_shared<Page>(*old);
    std::memset(old->data() + (base_size - begin), 0, begin + page_bytes - base_size);
  }
  const std::uint64_t fate = choices.below(4);
  const bool last = index + 1 == pages_of(size);
  if (fate == 0) {
    if (last) size = std::min(size, std::max(begin, base_size));
    return old;
  }
  if (fate < 3) return slot.now;
  auto torn = old ? std::make_shared<Page>(*old) : std::make_shared<Page>();
  static constexpr Page zeros{};
  const Page& fresh = slot.now ? *slot.now : zeros;
  std::size_t bytes = choices.below(page_bytes + 1);
  const bool appends = begin + bytes > base_size;
  if (!appends) bytes -= bytes % sector_bytes;
  if (appends) size = std::min(size, begin + bytes);
  std::memcpy(torn->data(), fresh.data(), bytes);
  return torn;
}

FileBytes FileBytes::after_cut(Survival survival, Choices choices) {
  share();
  std::vector<PagePointer> pages(slots_.size());
  if (survival == Survival::everything) {
    for (std::size_t i = 0; i < slots_.size(); ++i) pages[i] = slots_[i].now;
    return settled(std::move(pages), size_);
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) pages[i] = slots_[i].synced;
  const std::uint64_t fate = choices.below(4);
  const bool cut_is_lost = cut_to_ && choices.coin();
  if (survival == Survival::nothing || fate == 0 || cut_is_lost)
    return settled(std::move(pages), synced_size_);
  if (fate == 1) {
    for (std::size_t i = 0; i < slots_.size(); ++i) pages[i] = slots_[i].now;
    return settled(std::move(pages), size_);
  }
  const std::uint64_t base_size = cut_to_.value_or(synced_size_);
  std::uint64_t size = size_;
  if (size > base_size && choices.coin()) size = base_size + choices.below(size - base_size + 1);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const bool settled_page = slots_[i].now == slots_[i].synced && !cut_to_;
    if (!settled_page) pages[i] = survivor(i, base_size, size, choices);
  }
  return settled(std::move(pages), size);
}

}  // namespace restored::test
