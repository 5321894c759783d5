#include "store/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/check.h"
#include "base/log.h"
#include "base/mutex.h"
#include "restored/limits.h"
#include "store/credential_places.h"
#include "store/instance_metadata.h"

namespace restored::store {
namespace {

using Time = std::chrono::steady_clock::time_point;
using namespace std::chrono_literals;

constexpr auto files_pause = 1s;     // between two looks at the files' versions
constexpr auto failed_pause = 1s;    // how long a failure is believed
constexpr auto refused_pause = 5s;   // between two looks because a server refuses a key
constexpr auto refresh_pause = 10s;  // between two tries to replace a key that still serves
constexpr auto warning_pause = 60s;

constexpr std::string_view nowhere_hint =
    "Set s3.access_key_id and s3.secret_access_key_file, or s3.credentials_file, in the "
    "configuration; or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the agent's environment; or "
    "give the instance a role.";

Error nowhere(const std::vector<std::string>& looked_at, std::string_view last) {
  std::string message = "no credentials for S3 are found: ";
  for (const std::string& place : looked_at) message += place + "; ";
  message += last;
  return {ErrorCode::store_misconfigured, std::move(message), std::string(nowhere_hint)};
}

// Empty: it may be asked.
std::string metadata_off(const S3Options& options, const Environment& environment) {
  if (!options.instance_metadata) return "s3.instance_metadata is off";
  const std::string disabled = environment("AWS_EC2_METADATA_DISABLED").value_or("");
  return ascii_same(disabled, "true") ? "AWS_EC2_METADATA_DISABLED is set" : "";
}

}  // namespace

struct CredentialsSource::State {
  State(const S3Options& s3, const Environment& variables, const Clock& time)
      : options(s3), environment(variables), clock(time) {}

  using Found = Result<std::shared_ptr<const Credentials>>;

  bool serves() const REQUIRES_LOCK(mutex) {
    return current && (!current->expires_at || *current->expires_at > clock.wall());
  }
  bool refresh_due() const REQUIRES_LOCK(mutex);
  bool files_due() const REQUIRES_LOCK(mutex);
  Found answer() const REQUIRES_LOCK(mutex);

  // Of the thread that looks, without the mutex.
  Found look(const std::stop_token& stop);
  Found ask_metadata(const std::vector<std::string>& looked_at, const std::stop_token& stop);
  void take(WrittenCredentials& found);
  bool files_changed() const {
    return std::ranges::any_of(watched, [](const WatchedFile& file) { return file.changed(); });
  }
  void ended(Found found) EXCLUDES_LOCK(mutex);

  const S3Options options;
  const Environment environment;
  const Clock& clock;

  Mutex mutex;
  ConditionVariable changed;
  bool looking GUARDED_BY(mutex) = false;  // one thread does, and ended() follows
  bool refused GUARDED_BY(mutex) = false;
  std::shared_ptr<const Credentials> current GUARDED_BY(mutex);
  std::optional<Error> failure GUARDED_BY(mutex);  // of the last look
  std::optional<Time> looked GUARDED_BY(mutex);    // at the places themselves
  std::optional<Time> forced GUARDED_BY(mutex);    // the same, because the key was refused
  std::optional<Time> checked GUARDED_BY(mutex);   // the files' versions
  std::optional<Time> warned GUARDED_BY(mutex);

  // The looking thread's own.
  std::vector<WatchedFile> watched;
  std::vector<std::string> exposed;  // already told
  std::optional<InstanceMetadata> metadata;
  bool metadata_answered = false;
};

bool CredentialsSource::State::refresh_due() const {
  if (!looked) return true;
  const auto since = clock.monotonic() - *looked;
  if (!serves()) return since >= failed_pause;
  if (refused && (!forced || clock.monotonic() - *forced >= refused_pause)) return true;
  constexpr UnixMillis before = limits::credentials_refresh_seconds * UnixMillis{1000};
  return current->expires_at && *current->expires_at - before <= clock.wall() &&
         since >= refresh_pause;
}

bool CredentialsSource::State::files_due() const {
  return !checked || clock.monotonic() - *checked >= files_pause;
}

CredentialsSource::State::Found CredentialsSource::State::answer() const {
  if (serves()) return current;
  if (failure) return std::unexpected(*failure);
  RESTORED_CHECK(current && current->expires_at, "what was looked for was found or missed");
  return fail(
      ErrorCode::object_store_unavailable,
      fmt::format("the S3 key of {} expired at {}", current->origin, iso8601(*current->expires_at)),
      "Compare this host's clock with the time, and look at what renews the key.");
}

void CredentialsSource::State::take(WrittenCredentials& found) {
  watched = std::move(found.watched);
  for (std::string& path : found.exposed) {
    if (std::ranges::find(exposed, path) != exposed.end()) continue;
    log::warning("store", "others than its owner may read the secret in {}: chmod 600", path);
    exposed.push_back(std::move(path));
  }
}

CredentialsSource::State::Found CredentialsSource::State::ask_metadata(
    const std::vector<std::string>& looked_at, const std::stop_token& stop) {
  if (const std::string off = metadata_off(options, environment); !off.empty())
    return std::unexpected(nowhere(looked_at, off));
  if (!metadata) {
    RESTORED_TRY(metadata, InstanceMetadata::make(environment));
  }
  Result<Credentials> fetched = metadata->fetch(stop);
  if (fetched) {
    metadata_answered = true;
    return std::make_shared<const Credentials>(std::move(*fetched));
  }
  Error error = std::move(fetched).error();
  if (error.code != ErrorCode::store_misconfigured) return std::unexpected(std::move(error));
  // Where it once answered, this is an outage.
  if (metadata_answered) return fail(ErrorCode::object_store_unavailable, std::move(error.message));
  return std::unexpected(nowhere(looked_at, error.message));
}

CredentialsSource::State::Found CredentialsSource::State::look(const std::stop_token& stop) {
  RESTORED_TRY(WrittenCredentials found, look_around(options, environment));
  take(found);
  if (found.credentials) return std::make_shared<const Credentials>(std::move(*found.credentials));
  return ask_metadata(found.looked_at, stop);
}

// What one look at the places has brought.
void CredentialsSource::State::ended(Found found) {
  std::string told;
  log::Level level = log::Level::info;
  {
    const MutexLock lock(mutex);
    looking = false;
    const Time now = clock.monotonic();
    if (refused && (found || found.error().code != ErrorCode::cancelled)) forced = now;
    if (found) {
      if (!current || current->access_key_id != (*found)->access_key_id)
        told =
            fmt::format("the S3 key {} of {} is used", (*found)->access_key_id, (*found)->origin);
      current = std::move(*found);
      failure.reset();
      refused = false;
      looked = checked = now;
    } else if (found.error().code != ErrorCode::cancelled) {
      if (serves() && (!warned || now - *warned >= warning_pause)) {
        told = fmt::format("the S3 key of {} could not be replaced, it is used further: {}",
                           current->origin, found.error().message);
        level = log::Level::warning;
        warned = now;
      }
      failure = std::move(found).error();
      looked = checked = now;
    }
  }
  changed.notify_all();
  if (!told.empty()) log::write(level, "store", told);
}

CredentialsSource::CredentialsSource(std::unique_ptr<State> state) : state_(std::move(state)) {}
CredentialsSource::~CredentialsSource() = default;

Result<std::unique_ptr<CredentialsSource>> CredentialsSource::open(const S3Options& options,
                                                                   const Environment& environment,
                                                                   const Clock& clock) {
  auto state = std::make_unique<State>(options, environment, clock);
  RESTORED_TRY(WrittenCredentials found, look_around(options, environment));
  state->take(found);
  if (found.credentials) {
    state->ended(std::make_shared<const Credentials>(std::move(*found.credentials)));
  } else if (const std::string off = metadata_off(options, environment); !off.empty()) {
    return std::unexpected(nowhere(found.looked_at, off));
  }
  return std::unique_ptr<CredentialsSource>(new CredentialsSource(std::move(state)));
}

Result<std::shared_ptr<const Credentials>> CredentialsSource::get(std::stop_token stop) {
  State& state = *state_;
  bool refresh = false;
  {
    const MutexLock lock(state.mutex);
    for (;;) {
      refresh = state.refresh_due();
      if (!refresh && !state.files_due()) return state.answer();
      if (!state.looking) break;
      if (state.serves()) return state.current;
      if (!state.changed.wait(state.mutex, stop,
                              [&]() NO_THREAD_SAFETY_ANALYSIS { return !state.looking; }))
        return fail(ErrorCode::cancelled, "the wait for credentials was cancelled");
    }
    state.looking = true;
  }
  if (refresh || state.files_changed()) {
    State::Found found = state.look(stop);
    const bool cancelled = !found && found.error().code == ErrorCode::cancelled;
    Error error = cancelled ? found.error() : Error();
    state.ended(std::move(found));
    const MutexLock lock(state.mutex);
    if (cancelled && !state.serves()) return std::unexpected(std::move(error));
    return state.answer();
  }
  {
    const MutexLock lock(state.mutex);
    state.looking = false;
    state.checked = state.clock.monotonic();
  }
  state.changed.notify_all();
  const MutexLock lock(state.mutex);
  return state.answer();
}

void CredentialsSource::refused(const Credentials& credentials) {
  const MutexLock lock(state_->mutex);
  if (state_->current.get() == &credentials) state_->refused = true;
}

}  // namespace restored::store
