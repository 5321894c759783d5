#include "seal_speed.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "base/check.h"
#include "restored/limits.h"
#include "seal/box.h"
#include "seal/content_mac.h"

namespace restored::bench {
namespace {

constexpr std::chrono::milliseconds duration(500);

// Bytes a second of `threads` threads, each with a worker of its own that does one frame a call.
double rate(unsigned threads, const std::function<std::function<void()>()>& make_worker) {
  std::atomic<std::uint64_t> frames{0};
  std::atomic<bool> stop{false};
  const auto begin = std::chrono::steady_clock::now();
  {
    std::vector<std::jthread> running;
    for (unsigned i = 0; i < threads; ++i) {
      running.emplace_back([&] {
        const auto work = make_worker();
        while (!stop) {
          work();
          ++frames;
        }
      });
    }
    std::this_thread::sleep_for(duration);
    stop = true;
  }
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(frames * limits::frame_bytes) / passed.count();
}

}  // namespace

SealSpeed measure_seal_speed() {
  const seal::Key key = seal::Key::random();
  const auto sealing = [&key] {
    return [box = std::make_shared<seal::Box>(key),
            frame = std::vector<std::byte>(limits::frame_bytes + seal::overhead_bytes)]() mutable {
      box->seal({}, std::span(frame).subspan(seal::nonce_bytes, limits::frame_bytes), frame);
    };
  };
  const auto opening = [&key] {
    auto box = std::make_shared<seal::Box>(key);
    std::vector<std::byte> content(limits::frame_bytes);
    std::vector<std::byte> sealed(limits::frame_bytes + seal::overhead_bytes);
    box->seal({}, content, sealed);
    return [box, content, sealed]() mutable {
      RESTORED_CHECK(box->open({}, sealed, content), "it was sealed so");
    };
  };
  const auto naming = [&key] {
    return [mac = std::make_shared<seal::ContentMac>(key),
            content = std::vector<std::byte>(limits::frame_bytes)] { mac->add(content); };
  };
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  SealSpeed speed;
  speed.seal_bytes_per_second = rate(cores, sealing);
  speed.open_bytes_per_second = rate(cores, opening);
  speed.name_bytes_per_second = rate(cores, naming);
  speed.seal_one_core = rate(1, sealing);
  return speed;
}

}  // namespace restored::bench
