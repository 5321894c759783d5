#include "seeded_objects.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <span>

#include "format/frame.h"
#include "io/file_system.h"
#include "seeded_values.h"

namespace restored::bench {
namespace {

using Clock = std::chrono::steady_clock;

Result<void> write_source(const std::string& path, std::uint64_t bytes, std::uint64_t seed,
                          double random_part) {
  RESTORED_TRY(auto file, io::system_files().open(path, io::Access::create, io::Caching::buffered));
  SeededBytes seeded(seed);
  std::vector<std::byte> block(1 * kMiB);
  for (std::uint64_t offset = 0; offset < bytes; offset += block.size()) {
    const auto part = std::span(block).first(std::min<std::uint64_t>(block.size(), bytes - offset));
    seeded.fill(part, random_part);
    RESTORED_TRY(file->write_at(offset, part));
  }
  return file->close();
}

Result<std::vector<pipeline::UploadFile>> write_sources(const SeededContent& content,
                                                        const std::string& directory) {
  RESTORED_TRY(io::system_files().make_directories(directory));
  std::vector<pipeline::UploadFile> sources;
  for (std::uint64_t offset = 0; offset < content.bytes; offset += content.file_bytes) {
    const std::string name = fmt::format("{:06}.sst", sources.size());
    const std::string path = directory + "/" + name;
    const std::uint64_t size_bytes = std::min(content.file_bytes, content.bytes - offset);
    RESTORED_TRY(write_source(path, size_bytes, sources.size(), 1 - content.compressible));
    sources.push_back({name, path, size_bytes});
  }
  return sources;
}

}  // namespace

Result<SeededObjects> make_seeded_objects(const SeededContent& content, const Parts& parts,
                                          const std::string& directory, unsigned threads) {
  SeededObjects objects;
  const std::string source_directory = directory + "/source";
  RESTORED_TRY(const auto sources, write_sources(content, source_directory));
  pipeline::Progress progress;
  const pipeline::UploadEnvironment environment{
      *parts.store, io::system_files(), *parts.budget, progress, nullptr, nullptr, threads, 1};
  const auto begin = Clock::now();
  RESTORED_TRY(objects.uploaded, pipeline::upload(sources, environment, {}));
  objects.upload_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  for (unsigned copy = 0; copy < content.copies; ++copy) {
    for (std::size_t index = 0; index < sources.size(); ++index) {
      const auto& uploaded = objects.uploaded[index];
      objects.files.push_back({sources[index].name,
                               format::object_key(uploaded.content),
                               fmt::format("{}/target/{}-{}", directory, copy, sources[index].name),
                               sources[index].size_bytes,
                               uploaded.frames,
                               {}});
      objects.content_bytes += sources[index].size_bytes;
      objects.stored_bytes += uploaded.stored_bytes;
    }
  }
  RESTORED_TRY(io::system_files().remove_tree(source_directory));
  return objects;
}

}  // namespace restored::bench
