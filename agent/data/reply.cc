#include "data/reply.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "data/numbers.h"

namespace restored::data {
namespace {

constexpr std::size_t chunk_bytes_min = 32 * 1024;       // smaller values are copied
constexpr std::size_t kept_capacity_bytes = 256 * 1024;  // of an idle connection

}  // namespace

void OutputQueue::push(Chunk chunk) {
  const std::size_t bytes = chunk.view().size();
  if (bytes == 0) return;
  bytes_ += bytes;
  chunks_.push_back(std::move(chunk));
}

std::size_t OutputQueue::front(std::span<std::string_view> views) const {
  const std::size_t count = std::min(views.size(), chunks_.size());
  for (std::size_t i = 0; i < count; ++i) views[i] = chunks_[i].view();
  return count;
}

void OutputQueue::drop(std::size_t bytes) {
  RESTORED_CHECK(bytes <= bytes_, "a socket takes no more than it was given");
  bytes_ -= bytes;
  while (bytes > 0) {
    Chunk& first = chunks_.front();
    const std::size_t left = first.bytes.size() - first.offset;
    if (bytes < left) {
      first.offset += bytes;
      return;
    }
    bytes -= left;
    chunks_.pop_front();
  }
}

void Reply::append(std::string_view text) {
  if (!fits(text.size())) return;
  tail_.append(text);
  bytes_ += text.size();
}

void Reply::header(char kind, std::int64_t value) {
  const IntegerText digits(value);
  std::array<char, 28> line;
  line[0] = kind;
  const std::string_view text = digits.view();
  std::copy(text.begin(), text.end(), line.begin() + 1);
  line[text.size() + 1] = '\r';
  line[text.size() + 2] = '\n';
  append({line.data(), text.size() + 3});
}

void Reply::simple(std::string_view text) {
  append("+");
  append(text);
  append("\r\n");
}

void Reply::error(std::string_view text) {
  ++errors_;
  append("-");
  // A line break inside would end the reply early.
  if (text.find_first_of("\r\n") == std::string_view::npos) {
    append(text);
  } else {
    std::string one_line(text);
    std::replace(one_line.begin(), one_line.end(), '\r', ' ');
    std::replace(one_line.begin(), one_line.end(), '\n', ' ');
    append(one_line);
  }
  append("\r\n");
}

void Reply::integer(std::int64_t value) {
  header(':', value);
}

void Reply::bulk(std::string_view text) {
  header('$', static_cast<std::int64_t>(text.size()));
  if (text.size() < chunk_bytes_min) {
    append(text);
  } else if (fits(text.size())) {  // asked before it is copied
    push({std::string(text), 0});
  }
  append("\r\n");
}

void Reply::bulk(Chunk chunk) {
  const std::size_t size = chunk.view().size();
  if (size < chunk_bytes_min) return bulk(chunk.view());
  header('$', static_cast<std::int64_t>(size));
  if (fits(size)) push(std::move(chunk));
  append("\r\n");
}

bool Reply::fits(std::size_t bytes) {
  if (bytes > bytes_max_ - bytes_) overflowed_ = true;
  return !overflowed_;
}

void Reply::push(Chunk chunk) {
  bytes_ += chunk.view().size();
  chunks_.push_back({std::exchange(tail_, {}), 0});
  chunks_.push_back(std::move(chunk));
}

void Reply::verbatim(std::string_view text) {
  if (protocol_ < 3) return bulk(text);
  header('=', static_cast<std::int64_t>(text.size() + 4));
  append("txt:");
  append(text);
  append("\r\n");
}

void Reply::null() {
  append(protocol_ < 3 ? "$-1\r\n" : "_\r\n");
}

void Reply::null_array() {
  append(protocol_ < 3 ? "*-1\r\n" : "_\r\n");
}

void Reply::array(std::size_t count) {
  header('*', static_cast<std::int64_t>(count));
}

void Reply::map(std::size_t pairs) {
  if (protocol_ < 3) return array(2 * pairs);
  header('%', static_cast<std::int64_t>(pairs));
}

void Reply::set(std::size_t count) {
  if (protocol_ < 3) return array(count);
  header('~', static_cast<std::int64_t>(count));
}

void Reply::rollback(const Mark& mark) {
  if (chunks_.size() > mark.chunks) {
    tail_ = std::move(chunks_[mark.chunks].bytes);
    chunks_.resize(mark.chunks);
  }
  tail_.resize(mark.tail);
  bytes_ = mark.bytes;
  errors_ = mark.errors;
  overflowed_ = mark.overflowed;
}

void Reply::clear() {
  chunks_.clear();
  if (tail_.capacity() > kept_capacity_bytes) {
    tail_ = {};
  } else {
    tail_.clear();
  }
  bytes_ = 0;
}

void Reply::move_to(OutputQueue& queue, std::size_t skip) {
  const std::size_t before = queue.bytes();
  for (Chunk& chunk : chunks_) queue.push(std::move(chunk));
  queue.push({std::exchange(tail_, {}), 0});
  RESTORED_CHECK(skip == 0 || before == 0, "only the queue's front can be skipped");
  queue.drop(skip);
  clear();
}

}  // namespace restored::data
