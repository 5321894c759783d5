// Which contents this run is uploading, so that two equal files are not uploaded twice at once.
// Threading: all methods may be called from any thread at once.
#pragma once

#include <set>
#include <stop_token>
#include <utility>

#include "base/mutex.h"
#include "format/frame.h"
#include "restored/error.h"

namespace restored::pipeline {

class ContentClaims {
 public:
  // The sole right to look for a content in the store and to put it there; move-only.
  class Claim {
   public:
    Claim() = default;
    Claim(Claim&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), content_(other.content_) {}
    Claim& operator=(Claim&& other) noexcept;
    ~Claim() { release(); }
    void release() noexcept;

   private:
    friend class ContentClaims;
    Claim(ContentClaims* owner, const format::ContentId& content)
        : owner_(owner), content_(content) {}
    ContentClaims* owner_ = nullptr;
    format::ContentId content_;
  };

  // Waits while another thread holds it. Errors: cancelled.
  Result<Claim> claim(const format::ContentId& content, std::stop_token stop);

 private:
  Mutex mutex_;
  ConditionVariable changed_;
  std::set<format::ContentId> claimed_ GUARDED_BY(mutex_);
};

}  // namespace restored::pipeline
