#include "store/environment.h"

#include <stdlib.h>
#include <string.h>

#include <array>
#include <string_view>

#include "base/mutex.h"
#include "base/secret_text.h"

namespace restored::store {
namespace {

constexpr std::array secret_names = {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"};

struct Taken {
  Mutex mutex;
  std::array<SecretText, secret_names.size()> texts GUARDED_BY(mutex);
};

// Never destroyed: threads that outlive main may still ask.
Taken& taken() {
  static Taken* const instance = new Taken;
  return *instance;
}

std::optional<std::string> variable(const char* name) {
  if (const char* value = ::getenv(name); value != nullptr && *value != '\0') return value;
  for (std::size_t index = 0; index < secret_names.size(); ++index) {
    if (std::string_view(secret_names[index]) != name) continue;
    Taken& kept = taken();
    const MutexLock lock(kept.mutex);
    if (!kept.texts[index].empty()) return std::string(kept.texts[index].view());
  }
  return std::nullopt;
}

}  // namespace

Environment process_environment() {
  return variable;
}

void forget_environment_secrets() {
  Taken& kept = taken();
  const MutexLock lock(kept.mutex);
  for (std::size_t index = 0; index < secret_names.size(); ++index) {
    char* const value = ::getenv(secret_names[index]);
    if (value == nullptr) continue;
    if (*value != '\0') kept.texts[index] = SecretText::copy(value);
    // First the bytes, where /proc/PID/environ reads them; then the name that leads there.
    ::explicit_bzero(value, ::strlen(value));
    ::unsetenv(secret_names[index]);
  }
}

}  // namespace restored::store
