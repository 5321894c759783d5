#include "data/view.h"

#include "base/check.h"

namespace restored::data {
namespace {

// Raw keys of lookups are built in place: most commands need one, for a moment.
std::string_view raw_key(std::string_view key) {
  constexpr std::size_t kept_bytes = 64 * 1024;
  thread_local std::string buffer;
  if (buffer.capacity() > kept_bytes) buffer = {};
  buffer.assign(1, record::metadata_prefix);
  buffer.append(key);
  return buffer;
}

}  // namespace

Result<std::optional<StoredValue>> View::parse(std::optional<std::string> record) const {
  if (!record) return std::optional<StoredValue>();
  RESTORED_TRY(const record::Metadata metadata, record::decode(*record));
  if (record::expired(metadata, now_)) return std::optional<StoredValue>();
  StoredValue value;
  value.payload_offset = static_cast<std::size_t>(metadata.payload.data() - record->data());
  value.type = metadata.type;
  value.expires_at = metadata.expires_at;
  value.record = std::move(*record);
  return std::optional<StoredValue>(std::move(value));
}

Result<std::optional<StoredValue>> View::get(std::string_view key) const {
  const std::string_view raw = raw_key(key);
  if (overlay_) {
    const auto found = overlaid_.find(raw);
    if (found != overlaid_.end()) return parse(found->second);
    if (flushed_) return std::optional<StoredValue>();
  }
  RESTORED_TRY(std::optional<std::string> record, generation_->get(raw));
  return parse(std::move(record));
}

Result<void> View::get_many(std::span<const std::string_view> keys, const Visitor& visit) const {
  std::vector<std::string> raw;
  raw.reserve(keys.size());
  for (const std::string_view key : keys) raw.push_back(record::metadata_key(key));
  Result<void> outcome;
  const auto visit_record = [&](std::size_t i, std::optional<std::string_view> record) {
    const auto found = overlay_ ? overlaid_.find(raw[i]) : overlaid_.end();
    if (found != overlaid_.end()) {
      record = found->second ? std::optional<std::string_view>(*found->second) : std::nullopt;
    }
    if (!record) return visit(i, nullptr);
    const Result<record::Metadata> value = record::decode(*record);
    if (!value) {
      outcome = std::unexpected(value.error());
      return false;
    }
    return visit(i, record::expired(*value, now_) ? nullptr : &*value);
  };
  if (flushed_) {
    for (std::size_t i = 0; i < raw.size() && visit_record(i, std::nullopt); ++i) {
    }
    return outcome;
  }
  const std::vector<std::string_view> views(raw.begin(), raw.end());
  RESTORED_TRY(generation_->get_many(views, visit_record));
  return outcome;
}

void View::overlay(std::string raw_key, std::optional<std::string> record) {
  const auto [at, added] = overlaid_.try_emplace(std::move(raw_key));
  if (added) overlaid_bytes_ += at->first.size();
  if (at->second) overlaid_bytes_ -= at->second->size();
  if (record) overlaid_bytes_ += record->size();
  at->second = std::move(record);
}

void View::put(std::string_view key, std::string_view payload,
               std::optional<UnixMillis> expires_at) {
  if (expires_at && *expires_at <= now_) return erase(key);
  std::string record = record::encode(record::Type::string, expires_at, payload);
  if (overlay_) {
    overlay(record::metadata_key(key), std::move(record));
  } else {
    changes_.put(record::metadata_key(key), std::move(record));
  }
}

void View::erase(std::string_view key) {
  if (overlay_) {
    overlay(record::metadata_key(key), std::nullopt);
  } else {
    changes_.erase(record::metadata_key(key));
  }
}

void View::flush() {
  RESTORED_CHECK(overlay_, "only a transaction flushes its view");
  flushed_ = true;
  overlaid_.clear();
  overlaid_bytes_ = 0;
}

WriteSet View::take_changes() {
  if (!overlay_) return std::move(changes_);
  WriteSet set;
  for (auto& [key, record] : overlaid_) {
    if (record) {
      set.put(key, std::move(*record));
    } else if (!flushed_) {
      set.erase(key);
    }
  }
  overlaid_.clear();
  overlaid_bytes_ = 0;
  return set;
}

Result<View::Walk> View::walk() const {
  std::unique_ptr<RecordCursor> cursor;
  if (!flushed_) {
    RESTORED_TRY(cursor, generation_->cursor());
  }
  return Walk(std::move(cursor), &overlaid_, now_);
}

bool View::Walk::base_valid() const {
  return cursor_ && cursor_->valid() && record::user_key(cursor_->key()).has_value();
}

void View::Walk::seek(std::string_view user_key) {
  const std::string raw = record::metadata_key(user_key);
  if (cursor_) cursor_->seek(raw);
  over_ = overlaid_->lower_bound(raw);
  settle();
}

void View::Walk::seek_after(std::string_view user_key) {
  std::string following(user_key);
  following.push_back('\0');  // the smallest key above
  seek(following);
}

void View::Walk::next() {
  RESTORED_CHECK(valid_, "a walk moves on from a key");
  settle();
}

void View::Walk::settle() {
  valid_ = false;
  for (;;) {
    const bool base = base_valid();
    const bool over = over_ != overlaid_->end();
    if (!base && !over) return;
    const int order = !base ? 1 : !over ? -1 : cursor_->key().compare(over_->first);
    if (records_left_-- == 0) {
      stopped_ = true;
      return;
    }
    std::optional<std::string_view> record;
    std::string_view raw;
    if (order < 0) {
      raw = cursor_->key();
      record = cursor_->value();
    } else {
      raw = over_->first;
      if (over_->second) record = *over_->second;
    }
    bool live = false;
    if (record) {
      const Result<record::Metadata> metadata = record::decode(*record);
      if (!metadata) {
        status_ = std::unexpected(metadata.error());
        return;
      }
      live = !record::expired(*metadata, now_);
      value_.type = metadata->type;
      value_.expires_at = metadata->expires_at;
    }
    key_.assign(*record::user_key(raw));
    if (order <= 0) cursor_->next();
    if (order >= 0) ++over_;
    if (live) {
      valid_ = true;
      return;
    }
  }
}

Result<void> View::Walk::status() const {
  if (!status_) return status_;
  return cursor_ ? cursor_->status() : Result<void>();
}

}  // namespace restored::data
