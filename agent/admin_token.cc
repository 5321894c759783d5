#include "admin_token.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "base/kill_point.h"
#include "base/log.h"
#include "base/secret_text.h"
#include "base/unique_fd.h"

namespace restored::agent {
namespace {

constexpr Scopes all_scopes = static_cast<Scopes>(Scope::read) | static_cast<Scopes>(Scope::write) |
                              static_cast<Scopes>(Scope::restore);

Result<void> io_failure(const char* call, const std::string& path) {
  const int error = errno;
  return fail(error == ENOSPC ? ErrorCode::no_space : ErrorCode::io_error,
              fmt::format("{} {}: {}", call, path, std::strerror(error)));
}

std::string token_path(const std::string& directory) {
  return directory + "/admin.token";
}
std::string temporary_path(const std::string& directory) {
  return token_path(directory) + ".new";
}

Result<void> write_secret(const std::string& directory, const std::string& secret) {
  const std::string path = token_path(directory);
  const std::string temporary = temporary_path(directory);
  ::unlink(temporary.c_str());
  UniqueFd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return io_failure("open", temporary);
  std::string content = secret + "\n";
  const WipeAtEnd wiped(content);
  if (::write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) {
    return io_failure("write", temporary);
  }
  if (::fsync(file.get()) != 0) return io_failure("fsync", temporary);
  kill_point("agent.token.before-rename");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return io_failure("rename", path);
  const UniqueFd parent(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent || ::fsync(parent.get()) != 0) return io_failure("fsync", directory);
  log::info("agent", "wrote the administrator's token to {}", path);
  return {};
}

// Killed between any two steps, the file holds a token that counts: the old one or the new one.
Result<void> renew_token(Engine& engine, const std::string& state_directory) {
  const std::vector<TokenInfo> before = engine.tokens();
  RESTORED_TRY(const NewToken token, engine.create_token("admin", all_scopes));
  kill_point("agent.token.after-record");
  RESTORED_TRY(write_secret(state_directory, token.secret));
  kill_point("agent.token.after-file");
  for (const TokenInfo& old : before) {
    if (old.name == "admin") RESTORED_TRY(engine.revoke_token(old.id));
  }
  return {};
}

}  // namespace

Result<void> write_admin_token(Engine& engine, const std::string& state_directory, bool renew) {
  // A secret that a crash kept from its place.
  ::unlink(temporary_path(state_directory).c_str());
  if (renew) return renew_token(engine, state_directory);
  const auto keep = [&](const std::string& secret) -> Result<void> {
    RESTORED_TRY(write_secret(state_directory, secret));
    kill_point("agent.token.after-file");
    return {};
  };
  RESTORED_TRY(const std::optional<NewToken> token, engine.ensure_admin_token(keep));
  if (token) {
    kill_point("agent.token.after-record");
    return {};
  }
  if (::access(token_path(state_directory).c_str(), F_OK) != 0) {
    log::warning("agent",
                 "{}/admin.token is missing; if no other token is at hand, start once with "
                 "--new-admin-token",
                 state_directory);
  }
  return {};
}

}  // namespace restored::agent
