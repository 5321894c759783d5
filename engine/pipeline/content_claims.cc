#include "pipeline/content_claims.h"

namespace restored::pipeline {

ContentClaims::Claim& ContentClaims::Claim::operator=(Claim&& other) noexcept {
  if (this != &other) {
    release();
    owner_ = std::exchange(other.owner_, nullptr);
    content_ = other.content_;
  }
  return *this;
}

void ContentClaims::Claim::release() noexcept {
  ContentClaims* owner = std::exchange(owner_, nullptr);
  if (owner == nullptr) return;
  MutexLock lock(owner->mutex_);
  owner->claimed_.erase(content_);
  owner->changed_.notify_all();
}

Result<ContentClaims::Claim> ContentClaims::claim(const format::ContentId& content,
                                                  std::stop_token stop) {
  MutexLock lock(mutex_);
  const auto unclaimed = [&]() NO_THREAD_SAFETY_ANALYSIS { return !claimed_.contains(content); };
  if (!changed_.wait(mutex_, std::move(stop), unclaimed)) {
    return fail(ErrorCode::cancelled, "stopped");
  }
  claimed_.insert(content);
  return Claim(this, content);
}

}  // namespace restored::pipeline
