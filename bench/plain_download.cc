#include "plain_download.h"

#include <fmt/core.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <mutex>
#include <string_view>
#include <thread>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "net/http_client.h"
#include "pipeline/plan.h"
#include "socket.h"
#include "store/credentials.h"
#include "store/s3_location.h"
#include "store/s3_signer.h"

namespace restored::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<unsigned, 4> thread_counts{2, 4, 8, 16};
constexpr ::timeval silence_max{30, 0};
constexpr std::size_t head_bytes_max = 16 * 1024;

struct ObjectRange {
  std::string_view key;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

std::vector<ObjectRange> ranges_of(std::span<const pipeline::FetchFile> files) {
  std::vector<ObjectRange> ranges;
  pipeline::Plan plan(files);
  for (const pipeline::Range* range = plan.peek(); range != nullptr; range = plan.peek()) {
    if (range->stored_bytes > 0) {
      ranges.push_back({files[range->file_index].object_key, range->stored_offset,
                        range->stored_bytes + range->table_bytes});
    }
    plan.pop();
  }
  return ranges;
}

std::unexpected<Error> failed(const std::string& what) {
  return fail(ErrorCode::connection_failed, fmt::format("plain download: {}", what));
}

std::unexpected<Error> system_failed(const char* what) {
  return failed(fmt::format("{}: {}", what, std::strerror(errno)));
}

// The value of Content-Length, when the status is 206. `head` begins with the status line.
Result<std::uint64_t> length_of(std::string_view head) {
  constexpr std::string_view name = "content-length:";
  if (!head.starts_with("HTTP/1.1 206")) return failed(std::string(head.substr(0, 400)));
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;
       at = head.find("\r\n", at + 2)) {
    std::string_view line = head.substr(at + 2);
    if (line.size() < name.size() || ::strncasecmp(line.data(), name.data(), name.size()) != 0) {
      continue;
    }
    line.remove_prefix(name.size());
    while (line.starts_with(' ')) line.remove_prefix(1);
    std::uint64_t length = 0;
    const auto parsed = std::from_chars(line.data(), line.data() + line.size(), length);
    if (parsed.ec == std::errc()) return length;
  }
  return failed("an answer without Content-Length");
}

// One thread's connection and buffer.
class Connection {
 public:
  Connection(const net::Endpoint& endpoint, std::uint64_t buffer_bytes)
      : endpoint_(endpoint), buffer_(std::max<std::uint64_t>(buffer_bytes, head_bytes_max)) {}

  // Sends the request and overwrites the buffer with the answer.
  Result<void> exchange(const std::string& request, std::uint64_t bytes) {
    const bool kept = static_cast<bool>(socket_);
    auto received = send_and_receive(request, bytes);
    // A server may close a connection that it has kept, but only before it answers.
    if (!received && kept && !answered_) {
      socket_.reset();
      received = send_and_receive(request, bytes);
    }
    return received;
  }

 private:
  Result<void> send_and_receive(const std::string& request, std::uint64_t bytes) {
    answered_ = false;
    if (!socket_) {
      RESTORED_TRY(socket_, connect_to(endpoint_));
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &silence_max, sizeof silence_max);
    }
    for (std::size_t sent = 0; sent < request.size();) {
      const ::ssize_t count =
          ::send(socket_.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return system_failed("send");
      sent += static_cast<std::size_t>(count);
    }
    std::size_t filled = 0;
    std::size_t head_bytes = 0;
    while (head_bytes == 0) {
      if (filled >= head_bytes_max) return failed("a head without an end");
      RESTORED_TRY(const std::size_t count, receive(std::span(buffer_).subspan(filled)));
      filled += count;
      answered_ = true;
      const std::string_view seen(buffer_.data(), filled);
      const std::size_t end = seen.find("\r\n\r\n");
      if (end != std::string_view::npos) head_bytes = end + 4;
    }
    RESTORED_TRY(const std::uint64_t length,
                 length_of(std::string_view(buffer_.data(), head_bytes)));
    if (length != bytes) return failed(fmt::format("{} bytes, not {}", length, bytes));
    for (std::uint64_t left = length - (filled - head_bytes); left > 0;) {
      const auto into = std::span(buffer_).first(std::min<std::uint64_t>(left, buffer_.size()));
      RESTORED_TRY(const std::size_t count, receive(into));
      left -= count;
    }
    return {};
  }

  Result<std::size_t> receive(std::span<char> into) {
    const ::ssize_t count = ::recv(socket_.get(), into.data(), into.size(), 0);
    if (count > 0) return static_cast<std::size_t>(count);
    return count == 0 ? failed("closed") : system_failed("recv");
  }

  const net::Endpoint& endpoint_;
  std::vector<char> buffer_;
  UniqueFd socket_;
  bool answered_ = false;  // the last request
};

}  // namespace

struct PlainDownload::Server {
  store::S3Location location;
  std::unique_ptr<store::CredentialsSource> credentials;
  std::uint64_t buffer_bytes = 0;

  Result<std::string> request(const ObjectRange& range) const {
    net::Request signed_request;
    signed_request.method = "GET";
    signed_request.target = location.object_path(range.key);
    signed_request.headers = {
        {"Host", location.endpoint.authority()},
        {"Range", fmt::format("bytes={}-{}", range.offset, range.offset + range.bytes - 1)}};
    RESTORED_TRY(const auto key, credentials->get({}));
    store::sign(signed_request, {.region = location.region}, *key, system_clock().wall(),
                store::empty_payload_sha256_hex);
    std::string text = fmt::format("GET {} HTTP/1.1\r\n", signed_request.target);
    for (const auto& [name, value] : signed_request.headers) {
      text += fmt::format("{}: {}\r\n", name, value);
    }
    return text + "\r\n";
  }
};

PlainDownload::PlainDownload(std::unique_ptr<Server> server) : server_(std::move(server)) {}
PlainDownload::PlainDownload(PlainDownload&&) noexcept = default;
PlainDownload& PlainDownload::operator=(PlainDownload&&) noexcept = default;
PlainDownload::~PlainDownload() = default;

Result<PlainDownload> PlainDownload::open(const std::string& url, const StoreOptions& options,
                                          std::uint64_t buffer_bytes) {
  const auto environment = store::process_environment();
  auto server = std::make_unique<Server>();
  RESTORED_TRY(server->location, store::locate(url, options.s3, environment));
  if (server->location.endpoint.tls) {
    return fail(ErrorCode::invalid_configuration,
                "the plain download that a fetch is measured against speaks http, not https");
  }
  RESTORED_TRY(server->credentials,
               store::CredentialsSource::open(options.s3, environment, system_clock()));
  server->buffer_bytes = buffer_bytes;
  return PlainDownload(std::move(server));
}

Result<double> PlainDownload::run(std::span<const pipeline::FetchFile> files, unsigned threads,
                                  unsigned passes) const {
  const std::vector<ObjectRange> ranges = ranges_of(files);
  std::atomic<std::size_t> next{0};
  std::atomic<bool> stopped{false};
  std::mutex mutex;
  Result<void> outcome;
  const auto download = [&]() -> Result<void> {
    Connection connection(server_->location.endpoint, server_->buffer_bytes);
    for (std::size_t at = next++; at < ranges.size() * passes && !stopped; at = next++) {
      const ObjectRange& range = ranges[at % ranges.size()];
      RESTORED_TRY(const std::string request, server_->request(range));
      RESTORED_TRY(connection.exchange(request, range.bytes));
    }
    return {};
  };
  const auto begin = Clock::now();
  {
    std::vector<std::jthread> running;
    for (unsigned thread = 0; thread < threads; ++thread) {
      running.emplace_back([&] {
        ::pthread_setname_np(::pthread_self(), "plain-download");  // for profiles
        auto done = download();
        const std::lock_guard lock(mutex);
        if (done || !outcome) return;
        outcome = std::move(done);
        stopped = true;
      });
    }
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  RESTORED_TRY(outcome);
  return seconds;
}

Result<DownloadSpeed> PlainDownload::best(std::span<const pipeline::FetchFile> files,
                                          unsigned passes) const {
  DownloadSpeed best;
  for (const unsigned threads : thread_counts) {
    RESTORED_TRY(const double seconds, run(files, threads, passes));
    if (best.threads == 0 || seconds < best.seconds) best = {seconds, threads};
  }
  return best;
}

}  // namespace restored::bench
