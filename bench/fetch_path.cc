#include "fetch_path.h"

#include "base/object_versions.h"
#include "pipeline/bounded_queue.h"
#include "pipeline/first_error.h"
#include "pipeline/flights.h"
#include "pipeline/stages.h"
#include "pipeline/workers.h"
#include "restored/limits.h"

namespace restored::bench {
namespace {

// Files need nothing: none is written.
class NoFiles final : public pipeline::Sink {
 public:
  explicit NoFiles(pipeline::Flights& flights) : flights_(flights) {}
  Result<void> open(const pipeline::Range& range, const StoreCall&) override {
    if (range.begins_file) flights_.file_done();
    return {};
  }
  Result<void> accept(pipeline::Piece) override { return {}; }

 private:
  pipeline::Flights& flights_;
};

}  // namespace

Result<void> fetch_to_nowhere(std::span<const pipeline::FetchFile> files,
                              const pipeline::FetchEnvironment& environment) {
  pipeline::FirstError first_error({});
  ObjectVersions versions;
  const StoreCall call = pipeline::reading_call(environment, versions, first_error.token());
  pipeline::Flights flights(files);
  NoFiles sink(flights);
  pipeline::BoundedQueue<pipeline::Piece> arrived(limits::ranges_in_flight_max *
                                                  limits::range_frames_max);
  {
    pipeline::Workers letting_go(first_error);
    letting_go.start("bench-let-go", 1, [&]() -> Result<void> {
      while (arrived.pop(call.stop)) {
      }
      return {};
    });
    {
      pipeline::Workers fetchers(first_error);
      fetchers.start("restore-fetch", environment.store.reads_max(), [&] {
        return pipeline::fetch_ranges(environment, flights, sink, arrived, call);
      });
    }
    arrived.close();
  }
  arrived.discard();
  flights.wait_landed();
  return first_error.result();
}

}  // namespace restored::bench
