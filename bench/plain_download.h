// The ceiling of fetching from S3: the same ranges of the same objects, downloaded by threads that
// do nothing else. Blocking sockets, one kept connection and one small buffer a thread, overwritten
// again and again; nothing is hashed, decoded or kept. Written apart from the product's HTTP client
// on purpose: the two share only what signs a request.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pipeline/fetch.h"
#include "restored/error.h"
#include "restored/store_options.h"

namespace restored::bench {

struct DownloadSpeed {
  double seconds = 0;
  unsigned threads = 0;
};

// Threading: one thread at a time.
class PlainDownload {
 public:
  // Connects to nothing yet. Errors: invalid_configuration (https, which it does not speak), and
  // those of the location and the credentials.
  static Result<PlainDownload> open(const std::string& url, const StoreOptions& options,
                                    std::uint64_t buffer_bytes = default_buffer_bytes);
  PlainDownload(PlainDownload&&) noexcept;
  PlainDownload& operator=(PlainDownload&&) noexcept;
  ~PlainDownload();

  // Every range that a fetch of these files asks for, so many times. Seconds. Errors:
  // connection_failed (and any answer but the range itself).
  Result<double> run(std::span<const pipeline::FetchFile> files, unsigned threads,
                     unsigned passes = 1) const;
  // The best of several numbers of threads.
  Result<DownloadSpeed> best(std::span<const pipeline::FetchFile> files, unsigned passes = 1) const;

  static constexpr std::uint64_t default_buffer_bytes = 256 * 1024;

 private:
  struct Server;
  explicit PlainDownload(std::unique_ptr<Server> server);
  std::unique_ptr<Server> server_;
};

}  // namespace restored::bench
