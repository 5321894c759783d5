// Suspends a coroutine until somebody calls back, from whatever thread.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <utility>

namespace restored::data {

// `subscribe` is called once, with what resumes the coroutine on its own executor; that must be
// called exactly once, possibly before subscribe returns.
// REQUIRES: the executor's context has a work guard, and lives until then.
inline boost::asio::awaitable<void> resumed_by(
    const std::function<void(std::function<void()>)>& subscribe) {
  namespace asio = boost::asio;
  const auto executor = co_await asio::this_coro::executor;
  auto initiate = [&subscribe, executor](auto handler) {
    // Shared, because std::function copies; it is called once.
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    subscribe([shared, executor] { asio::post(executor, [shared] { std::move (*shared)(); }); });
  };
  using Token = const asio::use_awaitable_t<>;
  co_await asio::async_initiate<Token, void()>(initiate, asio::use_awaitable);
}

}  // namespace restored::data
