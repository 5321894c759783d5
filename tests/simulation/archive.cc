#include "archive.h"

#include <cstring>
#include <map>
#include <utility>

#include "base/check.h"

namespace restored::simulation {
namespace {

using test::SimulatedDisk;

enum class Kind : char { directory = 'd', file = 'f', link = 'l' };

class Writer {
 public:
  explicit Writer(SimulatedDisk& disk) : disk_(disk) {}

  void add(const std::string& directory) {
    const auto entries = disk_.list(directory.empty() ? "/" : directory);
    RESTORED_CHECK(entries, "an archived disk does not fail");
    for (const test::NodeFacts& entry : *entries) {
      const std::string path = directory + "/" + entry.name;
      if (entry.directory) {
        put(Kind::directory, path, "");
        add(path);
      } else if (const auto [known, added] = files_.emplace(entry.number, path); !added) {
        put(Kind::link, path, known->second);
      } else {
        put(Kind::file, path, content(path, entry.size_bytes));
      }
    }
  }
  std::string take() { return std::move(text_); }

 private:
  std::string content(const std::string& path, std::uint64_t size) {
    const auto file = disk_.open(path, test::OpenMode::existing);
    RESTORED_CHECK(file, "an archived disk does not fail");
    std::string bytes(size, '\0');
    const auto count = (*file)->read(0, std::as_writable_bytes(std::span(bytes)));
    RESTORED_CHECK(count && *count == size, "an archived disk does not fail");
    return bytes;
  }
  void put(Kind kind, std::string_view path, std::string_view content) {
    text_.push_back(static_cast<char>(kind));
    put_sized(path);
    put_sized(content);
  }
  void put_sized(std::string_view part) {
    const std::uint64_t size = part.size();
    text_.append(reinterpret_cast<const char*>(&size), sizeof size);
    text_.append(part);
  }

  SimulatedDisk& disk_;
  std::map<std::uint64_t, std::string> files_;
  std::string text_;
};

std::string_view take_sized(std::string_view& text) {
  std::uint64_t size = 0;
  std::memcpy(&size, text.data(), sizeof size);
  const std::string_view part = text.substr(sizeof size, size);
  text.remove_prefix(sizeof size + size);
  return part;
}

}  // namespace

std::string archive(SimulatedDisk& disk) {
  Writer writer(disk);
  writer.add("");
  return writer.take();
}

void extract(std::string_view text, SimulatedDisk& into) {
  std::vector<std::string> directories = {"/"};
  while (!text.empty()) {
    const Kind kind{text.front()};
    text.remove_prefix(1);
    const std::string path(take_sized(text));
    const std::string_view content = take_sized(text);
    bool done = false;
    if (kind == Kind::directory) {
      done = into.make_directory(path) == 0;
      directories.push_back(path);
    } else if (kind == Kind::link) {
      done = into.link(std::string(content), path) == 0;
    } else {
      const auto file = into.open(path, test::OpenMode::create_new);
      done =
          file && (*file)->write(0, std::as_bytes(std::span(content))) == 0 && (*file)->sync() == 0;
    }
    RESTORED_CHECK(done, "an empty disk takes what was archived");
  }
  for (const std::string& directory : directories)
    RESTORED_CHECK(into.sync_directory(directory) == 0, "an empty disk takes what was archived");
}

}  // namespace restored::simulation
