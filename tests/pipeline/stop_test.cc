// Whatever a run waits for, it ends within a second after its stop.
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

#include "backup_fixture.h"
#include "base/bandwidth.h"
#include "remote_store.h"
#include "restored/limits.h"
#include "support/wait_until.h"

namespace restored::pipeline::test {
namespace {

using namespace std::chrono_literals;
using restored::test::wait_until;

class StopTest : public BackupFixture {
 protected:
  void SetUp() override {
    make_backup({{"a", seeded_content(1, 20 * kMiB, 1.0)}, {"b", seeded_content(2, kMiB, 1.0)}});
    remote_ = std::make_unique<RemoteStore>(opened_store(), 2);
    store_used_ = remote_.get();
  }
  ~StopTest() override { remote_.reset(); }

  void hang_in(std::string_view verb) {
    remote_->before = [this, verb](std::string_view called, std::string_view,
                                   const StoreCall& call) -> Result<void> {
      if (called != verb) return {};
      waits_now_ = true;
      return hang(call);
    };
  }

  // Runs `work` until `waits()`, stops it, and expects it to end soon.
  template <class Work, class Waits>
  void expect_soon_stopped(Work work, Waits waits) {
    std::stop_source stop;
    std::optional<Error> error;
    std::chrono::steady_clock::time_point stopped_at;
    {
      std::jthread run([&] {
        if (auto done = work(stop.get_token()); !done) error = done.error();
      });
      ASSERT_TRUE(wait_until(waits));
      stopped_at = std::chrono::steady_clock::now();
      stop.request_stop();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - stopped_at, 1s);
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->code, ErrorCode::cancelled) << error->message;
  }

  auto fetching() {
    return [this](std::stop_token stop) { return fetch_all(std::move(stop)); };
  }
  auto verifying() {
    return [this](std::stop_token stop) {
      return verify_objects(backup_, environment(), std::move(stop));
    };
  }
  auto uploading() {
    return [this](std::stop_token stop) {
      return upload(sources_, upload_environment(), std::move(stop));
    };
  }

  std::unique_ptr<RemoteStore> remote_;
  std::atomic<bool> waits_now_{false};
  std::vector<UploadFile> sources_;
};

TEST_F(StopTest, FetchWhoseReadsHang) {
  hang_in("read");
  expect_soon_stopped(fetching(), [&] { return waits_now_.load(); });
  expect_drained();
}

TEST_F(StopTest, FetchWhoseReadAgainHangs) {
  remote_->sent = [](std::string_view, std::uint64_t, std::span<std::byte> bytes) {
    bytes[100] ^= std::byte{1};
  };
  std::atomic<int> reads{0};
  remote_->before = [&](std::string_view, std::string_view, const StoreCall& call) -> Result<void> {
    // Three ranges are two of one file and one of the other.
    if (++reads <= 4) return {};
    waits_now_ = true;
    return hang(call);
  };
  expect_soon_stopped(fetching(), [&] { return waits_now_.load(); });
  expect_drained();
}

TEST_F(StopTest, VerificationWhoseStatHangs) {
  hang_in("stat");
  expect_soon_stopped(verifying(), [&] { return waits_now_.load(); });
  expect_drained();
}

TEST_F(StopTest, FetchThatWaitsForATurn) {
  const auto one = remote_->turns().take({});
  const auto other = remote_->turns().take({});
  ASSERT_TRUE(one && other);
  expect_soon_stopped(fetching(), [&] { return remote_->turns().waiting() > 0; });
}

TEST_F(StopTest, FetchThatWaitsForMemory) {
  const auto all = budget_->acquire(budget_->budget_bytes(), {});
  ASSERT_TRUE(all.has_value());
  expect_soon_stopped(fetching(), [&] { return remote_->turns().in_use() == 2; });
}

TEST_F(StopTest, FetchThatWaitsForBandwidth) {
  Bandwidth trickle(1);
  bandwidth_ = &trickle;
  expect_soon_stopped(fetching(), [&] { return progress_.bytes_done > 0; });
  expect_drained();
}

TEST_F(StopTest, UploadThatHangsAnywhere) {
  sources_ = write_sources({{"c", seeded_content(3, 20 * kMiB, 1.0)}});
  for (const std::string_view verb : {"stat", "upload", "append", "commit"}) {
    SCOPED_TRACE(verb);
    waits_now_ = false;
    hang_in(verb);
    expect_soon_stopped(uploading(), [&] { return waits_now_.load(); });
    expect_drained();
  }
}

TEST_F(StopTest, UploadThatWaitsForMemory) {
  sources_ = write_sources({{"c", seeded_content(3, kMiB, 1.0)}});
  const auto all = budget_->acquire(budget_->budget_bytes(), {});
  ASSERT_TRUE(all.has_value());
  expect_soon_stopped(uploading(), [] { return true; });
}

}  // namespace
}  // namespace restored::pipeline::test
