// What one command, or one EXEC, sees of a database: one pinned generation with the changes that
// it is about to make on top.
//
// Threading: one thread at a time. Never kept beyond its command.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/reply.h"
#include "restored/error.h"
#include "restored/keyspace.h"
#include "restored/record.h"

namespace restored::data {

// A live record: never an expired one.
struct StoredValue {
  std::string record;
  std::size_t payload_offset = 0;
  record::Type type = record::Type::string;
  std::optional<UnixMillis> expires_at;

  std::string_view payload() const { return std::string_view(record).substr(payload_offset); }
  Chunk into_chunk() && { return {std::move(record), payload_offset}; }
};

class View {
 public:
  // overlay: reads see earlier changes of the same view, which a single command does not need.
  // REQUIRES: the caller's pin or permit outlives the view.
  View(const Generation& generation, UnixMillis now, bool overlay)
      : generation_(&generation), now_(now), overlay_(overlay) {}

  const Generation& generation() const { return *generation_; }
  UnixMillis now() const { return now_; }

  Result<std::optional<StoredValue>> get(std::string_view key) const;
  // Visits the value of each key, in their order, all of one consistent view: its index and the
  // value (null: none; there until `visit` returns). `visit` says whether to go on.
  using Visitor = std::function<bool(std::size_t, const record::Metadata*)>;
  Result<void> get_many(std::span<const std::string_view> keys, const Visitor& visit) const;

  void put(std::string_view key, std::string_view payload, std::optional<UnixMillis> expires_at);
  void erase(std::string_view key);
  void flush();  // forgets the whole content; REQUIRES: overlay

  bool changed() const { return flushed_ || !changes_.empty() || !overlaid_.empty(); }
  bool flushed() const { return flushed_; }
  std::size_t overlaid_bytes() const { return overlaid_bytes_; }  // of keys and records held
  // The changes as one write; with flushed(): all records that remain.
  WriteSet take_changes();

  // Ascending live user keys.
  class Walk {
   public:
    void seek(std::string_view user_key);        // first key >= this
    void seek_after(std::string_view user_key);  // first key > this
    bool valid() const { return valid_; }
    void next();  // REQUIRES: valid()
    std::string_view key() const { return key_; }
    const StoredValue& value() const { return value_; }  // its record is not filled: facts only
    // Ends the walk after this many records, expired ones included; stopped() then tells, and
    // key() is the last one passed.
    void stop_after(std::uint64_t records) { records_left_ = records; }
    bool stopped() const { return stopped_; }
    Result<void> status() const;

   private:
    friend class View;
    using Overlaid = std::map<std::string, std::optional<std::string>, std::less<>>;

    Walk(std::unique_ptr<RecordCursor> cursor, const Overlaid* overlaid, UnixMillis now)
        : cursor_(std::move(cursor)), overlaid_(overlaid), now_(now) {}
    bool base_valid() const;
    void settle();  // stops at the first live record from here

    std::unique_ptr<RecordCursor> cursor_;  // null: the content was flushed
    const Overlaid* overlaid_;              // raw keys; never null
    Overlaid::const_iterator over_;
    UnixMillis now_;
    bool valid_ = false;
    bool stopped_ = false;
    std::uint64_t records_left_ = UINT64_MAX;
    std::string key_;
    StoredValue value_;
    Result<void> status_;
  };
  Result<Walk> walk() const;

 private:
  void overlay(std::string raw_key, std::optional<std::string> record);
  Result<std::optional<StoredValue>> parse(std::optional<std::string> record) const;

  const Generation* generation_;
  UnixMillis now_;
  bool overlay_;
  bool flushed_ = false;
  WriteSet changes_;         // without overlay
  Walk::Overlaid overlaid_;  // with overlay; nothing: deleted
  std::size_t overlaid_bytes_ = 0;
};

}  // namespace restored::data
