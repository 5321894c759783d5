#include "deep/scratch.h"

#include <sys/stat.h>
#include <unistd.h>

#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/random.h"

namespace restored::deep {
namespace {

constexpr std::string_view prefix = "restored-deep-";
// Whoever has made the directory, or is removing it, holds the lock on this file in it.
constexpr std::string_view held_name = "/held";
constexpr int attempts_max = 10;

constexpr std::size_t id_characters = 12;

// A name that this makes, and nobody else's directory that is called alike.
bool is_ours(std::string_view name) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  return name.size() == id_characters &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") == std::string_view::npos;
}

// Not another user's, in a directory where all may write, nor a link to somewhere else.
bool is_own_directory(const std::string& path) {
  struct ::stat facts = {};
  return ::lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode) &&
         facts.st_uid == ::geteuid();
}

void remove_dead(const std::string& directory) {
  const auto entries = io::system_files().list(directory);
  if (!entries) return;  // there may be nothing to remove, and what is made says what is wrong
  for (const io::Entry& entry : *entries) {
    const std::string path = directory + "/" + entry.name;
    if (!is_ours(entry.name) || !is_own_directory(path)) continue;
    // Without the file it is half made, and empty, or not ours.
    if (!io::system_files().stat(path + std::string(held_name))) {
      ::rmdir(path.c_str());
      continue;
    }
    const auto held = io::system_files().lock(path + std::string(held_name));
    if (!held) continue;
    const auto removed = io::system_files().remove_tree(path);
    if (removed) {
      log::warning("deep", "removed {}, which a process that was killed has left", path);
    } else {
      log::error("deep", "{} stays: {}", path, removed.error().message);
    }
  }
}

}  // namespace

Result<std::unique_ptr<Scratch>> Scratch::make(const std::string& directory) {
  RESTORED_TRY(io::system_files().stat(directory));
  remove_dead(directory);
  Result<std::unique_ptr<io::FileLock>> held = fail(ErrorCode::internal, "not tried");
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    const std::string path = directory + "/" + std::string(prefix) + random_id(id_characters);
    RESTORED_TRY(io::system_files().make_directories(path));
    if (::chmod(path.c_str(), S_IRWXU) != 0)
      return fail(ErrorCode::permission_denied, path + " cannot be closed to others");
    held = io::system_files().lock(path + std::string(held_name));
    // Somebody else may have taken it for one that nobody holds, in between.
    const bool stands = held && io::system_files().stat(path + std::string(held_name));
    if (stands) return std::unique_ptr<Scratch>(new Scratch(path, std::move(*held)));
    if (!held && held.error().code != ErrorCode::state_locked &&
        held.error().code != ErrorCode::file_not_found)
      break;
  }
  if (!held) return std::unexpected(std::move(held).error());
  return fail(ErrorCode::state_locked, directory + ": what is made there is removed at once");
}

Scratch::~Scratch() {
  if (const auto removed = io::system_files().remove_tree(path_); !removed)
    log::error("deep", "{} stays: {}", path_, removed.error().message);
}

}  // namespace restored::deep
