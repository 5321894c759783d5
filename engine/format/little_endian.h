// Fixed-width little-endian integers, as every binary part of the format has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace restored::format {

template <class Integer>
void append_little_endian(std::string& target, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    target.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * i))));
}

template <class Integer>
void store_little_endian(std::span<std::byte> target, Integer value) {
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    target[i] = static_cast<std::byte>(static_cast<unsigned char>(value >> (8 * i)));
}

// REQUIRES: source holds sizeof(Integer) bytes.
template <class Integer>
Integer load_little_endian(const std::byte* source) {
  Integer value = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i)
    value = static_cast<Integer>(value | (static_cast<Integer>(source[i]) << (8 * i)));
  return value;
}

}  // namespace restored::format
