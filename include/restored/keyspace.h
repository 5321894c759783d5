// The data of one database as the data plane sees it: pinned generations for reading, permits
// for writing. Keys and values here are raw records; restored/record.h gives them meaning.
//
// Rules that make reads and writes linearizable across a swap:
//   - a session holds a Keyspace, never a generation: each command (or EXEC) pins the live one;
//   - a write holds a WritePermit from before its first read until its write() returned. A swap
//     closes the gate, waits for the permits that are out, and only then changes what is live, so
//     the generation of a permit is the live one for as long as the permit is held;
//   - locks first, then the permit: a caller that waits for a lock (or anything else) while it
//     holds a permit could block the swap that the lock's holder asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "restored/error.h"
#include "restored/ids.h"

namespace restored {

// Walks a consistent view in ascending byte order of keys. One thread at a time. Holds its
// generation; must not outlive the engine.
class RecordCursor {
 public:
  virtual ~RecordCursor() = default;
  virtual void seek(std::string_view key) = 0;  // first record with key >= this
  virtual bool valid() const = 0;               // false at the end or after an error
  virtual void next() = 0;                      // REQUIRES: valid()
  virtual std::string_view key() const = 0;     // REQUIRES: valid(); until the next move
  virtual std::string_view value() const = 0;
  virtual Result<void> status() const = 0;  // why valid() is false: nothing wrong, or the error
};

// One complete content of a database, pinned: it stays readable, unchanged but for live writes,
// for as long as the pointer is held (shared, because commands of many sessions hold it at once).
// Threading: all methods may be called from any thread at once.
class Generation {
 public:
  virtual ~Generation() = default;
  virtual GenerationNumber number() const = 0;
  virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  // Reads the keys in their order, all from one consistent view: `visit` gets each one's index with
  // its record (nothing: absent; the bytes are there until it returns) and says whether to go on.
  // However many and big the records, a few MiB beyond one of them are held at a time.
  using RecordVisitor = std::function<bool(std::size_t, std::optional<std::string_view>)>;
  virtual Result<void> get_many(std::span<const std::string_view> keys,
                                const RecordVisitor& visit) const = 0;
  // The view is that of the moment of the call.
  virtual Result<std::unique_ptr<RecordCursor>> cursor() const = 0;
  // The same for a pass over everything, which leaves the cache to who serves clients.
  virtual Result<std::unique_ptr<RecordCursor>> scan() const = 0;
  virtual std::uint64_t estimated_records() const = 0;
};

// Changes that become visible and durable together. Later entries win.
class WriteSet {
 public:
  struct Entry {
    std::string key;
    std::optional<std::string> value;  // nothing: delete
  };
  void put(std::string key, std::string value) {
    entries_.push_back({std::move(key), std::move(value)});
  }
  void erase(std::string key) { entries_.push_back({std::move(key), std::nullopt}); }
  bool empty() const { return entries_.empty(); }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

class WriteGate;  // engine/catalog

// Permission to write to the live generation; move-only, released by its destructor. Never held
// across a wait for a client.
class WritePermit {
 public:
  WritePermit() = default;
  WritePermit(WriteGate* gate, std::shared_ptr<const Generation> generation)
      : gate_(gate), generation_(std::move(generation)) {}
  WritePermit(WritePermit&& other) noexcept
      : gate_(std::exchange(other.gate_, nullptr)), generation_(std::move(other.generation_)) {}
  WritePermit& operator=(WritePermit&& other) noexcept;
  ~WritePermit() { release(); }

  void release() noexcept;
  explicit operator bool() const { return gate_ != nullptr; }
  const Generation& generation() const { return *generation_; }

 private:
  WriteGate* gate_ = nullptr;
  std::shared_ptr<const Generation> generation_;
};

enum class Durability : std::uint8_t {
  process,  // survives a killed process; a power loss may take the last second
  device,   // synced before the call returns
};

// Threading: all methods may be called from any thread at once.
class Keyspace {
 public:
  virtual ~Keyspace() = default;

  // Never waits.
  virtual std::shared_ptr<const Generation> pin() const = 0;

  // An empty permit when a swap has closed the gate: the caller then waits with when_writable().
  virtual WritePermit try_begin_write() = 0;
  // Calls `resume` once, from any thread, as soon as the gate is open; at once if it is. It must
  // not block. A closed database opens its gate for good, so nobody waits for ever.
  virtual void when_writable(std::function<void()> resume) = 0;

  // REQUIRES: permit is valid and from this keyspace.
  // Errors: no_space, io_error, storage_engine; nobody sees anything of it then. What the device
  // took of the log all the same counts when the database is opened again, as far as it is whole.
  virtual Result<void> write(const WritePermit& permit, const WriteSet& changes,
                             Durability durability) = 0;

  // Replaces the whole content by these records: a swap to a generation that holds only them
  // (FLUSHALL with an empty set). REQUIRES: the caller holds no permit of this keyspace.
  // `still_wanted`, if given, is asked after the gate has closed and all writers have drained:
  // false leaves everything as it was and gives ErrorCode::cancelled (EXEC with a dirtied WATCH).
  // Works while a restore runs: that restore's swap then replaces the replaced content.
  virtual Result<void> replace_all(const WriteSet& records,
                                   const std::function<bool()>& still_wanted) = 0;

  // Number of live string keys, exact, by reading all of them: blocks for long on big data, so
  // not on a serving thread. Memoised until the next write. Errors: cancelled, when `stop` is
  // triggered meanwhile; of reading.
  virtual Result<std::uint64_t> count_keys(std::stop_token stop) = 0;
};

}  // namespace restored
