#include "base/secret_text.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "base/check.h"
#include "restored/units.h"

namespace restored {

SecretText SecretText::of_size(std::size_t size) {
  SecretText made;
  if (size == 0) return made;
  // A mapping of its own: the flags are those of whole pages, and a heap's page would take other
  // data with it.
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto mapped = static_cast<std::size_t>(round_up(size, page));
  void* const memory =
      ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  RESTORED_CHECK(memory != MAP_FAILED, "no memory for a secret");
  made.memory_ = static_cast<char*>(memory);
  made.size_ = size;
  made.mapped_bytes_ = mapped;
  // Advice, both: a low RLIMIT_MEMLOCK or a filter of system calls may refuse.
  static_cast<void>(::madvise(memory, mapped, MADV_DONTDUMP));
  static_cast<void>(::mlock(memory, mapped));
  return made;
}

SecretText SecretText::copy(std::string_view text) {
  return joined({text});
}

SecretText SecretText::joined(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  SecretText made = of_size(size);
  char* at = made.memory_;
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    std::memcpy(at, part.data(), part.size());
    at += part.size();
  }
  return made;
}

SecretText& SecretText::operator=(SecretText&& other) noexcept {
  if (this != &other) {
    reset();
    memory_ = std::exchange(other.memory_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_bytes_ = std::exchange(other.mapped_bytes_, 0);
  }
  return *this;
}

void SecretText::shrink(std::size_t size) {
  RESTORED_CHECK(size <= size_, "a secret cannot grow");
  if (size == size_) return;
  ::explicit_bzero(memory_ + size, size_ - size);
  size_ = size;
}

void SecretText::reset() noexcept {
  if (memory_ == nullptr) return;
  ::explicit_bzero(memory_, mapped_bytes_);
  ::munmap(memory_, mapped_bytes_);  // unlocks it, too
  memory_ = nullptr;
  size_ = 0;
  mapped_bytes_ = 0;
}

void wipe(std::string& text) noexcept {
  // Growing to the capacity allocates nothing, and makes the bytes behind the text ours to write.
  text.resize(text.capacity());
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

}  // namespace restored
