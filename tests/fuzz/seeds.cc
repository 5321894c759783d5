// Writes the first inputs of every target that reads what an encoder of ours writes:
//   fuzz_seeds DIRECTORY      one folder a target, one file an input
// What people and foreign programs write is there as files made by hand.
#include <fmt/format.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/catalog_record.h"
#include "format/contents.h"
#include "format/frame.h"
#include "format/manifest.h"
#include "made_manifest.h"
#include "registry/records.h"
#include "registry/request_records.h"
#include "restored/record.h"

namespace restored::fuzz {
namespace {

class Folder {
 public:
  Folder(const std::string& root, const std::string& target) : path_(root + "/" + target) {
    std::filesystem::create_directories(path_);
  }
  // The bytes that say which part of the target is meant, then what it reads.
  void add(std::string_view name, std::string_view choices, std::string_view content) const {
    std::ofstream file(path_ + "/seed-" + std::string(name), std::ios::binary);
    file << choices << content;
  }

 private:
  const std::string path_;
};

std::string_view behind_first_line(std::string_view document) {
  return document.substr(document.find('\n') + 1);
}

std::string counted(unsigned first, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(first + i * 37);
  return text;
}

void write_backups(const std::string& root) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    const std::string decisions = counted(seed, 400);
    Choices choices(decisions);
    const MadeBackup made = made_backup(choices);
    const std::string manifest = format::encode_manifest(made.manifest);
    const std::string name = fmt::format("{}", seed);
    const Folder manifests(root, "manifest");
    manifests.add("whole-" + name, std::string(1, '\0'), manifest);
    manifests.add("body-" + name, "\x01", behind_first_line(manifest));
    manifests.add("made-" + name, "\x02", decisions);
    Folder(root, "frame_index").add("made-" + name, "", decisions);

    const Folder documents(root, "documents");
    const std::string summary = format::encode_summary(format::summarize(made.manifest));
    documents.add("summary-" + name, std::string(1, '\0'), summary);
    documents.add("summary-body-" + name, "\x82", behind_first_line(summary));
    const std::string contents = *format::encode_contents(format::contents_of(made.manifest));
    documents.add("contents-" + name, "\x02", contents);
    documents.add("contents-body-" + name, "\x84", behind_first_line(contents));

    std::vector<std::uint32_t> sums(made.frames.size(), seed);
    Folder(root, "seek_table")
        .add(name, std::string(1, '\0'), format::encode_seek_table(made.frames, sums));
  }
}

void write_documents(const std::string& root) {
  const Folder documents(root, "documents");
  const std::string repository = format::encode_repository({1, "r0123456789", 1'700'000'000'000});
  documents.add("repository", "\x01", repository);
  documents.add("repository-body", "\x83", behind_first_line(repository));
  const std::string mark = format::encode_mark({"c0123456789", "host-1"});
  documents.add("mark", "\x03", mark);
  documents.add("mark-body", "\x80", behind_first_line(mark));
  const std::string damage = format::encode_damage({{}, BackupId("b0123456789"), "hash differs"});
  documents.add("damage", "\x04", damage);
  documents.add("damage-body", "\x81", behind_first_line(damage));
}

void write_frames(const std::string& root) {
  const Folder frames(root, "frame");
  for (const unsigned level : {0u, 1u, 2u}) {
    std::string choices("\x01\x00\x00", 3);
    choices += static_cast<char>(level);
    choices += "\x20\x0bhello world\x05tail!";
    frames.add(fmt::format("own-{}", level), choices, "");
    frames.add(fmt::format("own-changed-{}", level), choices, std::string("\x05\x00\x00\x11", 4));
  }
  format::FrameEncoder encoder(1);
  std::vector<std::byte> stored(limits::frame_stored_bytes_max);
  const std::string content = counted(7, 300) + std::string(300, 'x');
  const std::size_t bytes = encoder.encode(std::as_bytes(std::span(content)), stored);
  frames.add("foreign", std::string("\x00\x58\x02\x00\0\0\0\0\0\0\0\0", 12),
             {reinterpret_cast<const char*>(stored.data()), bytes - 16});
}

void write_local_records(const std::string& root) {
  const Folder records(root, "local_records");
  catalog::CatalogRecord catalog;
  catalog.state.live = 3;
  catalog.state.live_provenance = {.kind = "restore",
                                   .source_database = DatabaseId("d"),
                                   .backup = BackupId("b"),
                                   .operation = OperationId("o")};
  catalog.state.previous = 2;
  catalog.state.previous_until = 1'700'000'000'000;
  catalog.state.base_backups = {BackupId("b1"), BackupId("b2")};
  catalog.numbers_end = 16;
  const std::string encoded = catalog::encode(catalog);
  records.add("catalog", std::string(1, '\0'), encoded);
  records.add("catalog-body", "\x01", behind_first_line(encoded));

  registry::StoredDatabase database;
  database.record = {DatabaseId("d"),
                     "orders",
                     "default",
                     "us-east-1",
                     true,
                     DatabaseStatus::failure,
                     Error{ErrorCode::corruption, "frame 17 differs", {}},
                     1'700'000'000'000};
  records.add("database", "\x02", registry::encode(database));
  records.add("connection", "\x03",
              registry::encode(registry::StoredConnection{
                  {ConnectionId("c"), DatabaseId("d"), "default", 1}, {}, 2}));
  records.add("token", "\x04",
              registry::encode(registry::StoredToken{{TokenId("t"), "admin", 7, 1}, {}, 3}));
  registry::StoredOperation operation;
  operation.record.view.id = OperationId("o");
  operation.record.view.eta_seconds = 1.5;
  operation.record.view.ended_at = 1'700'000'000'000;
  operation.record.view.error = Error{ErrorCode::no_space, "no space", {}};
  operation.record.hold = true;
  operation.record.view.held_until = 1'700'000'000'000;
  operation.record.view.hooks = {{HookEvent::before_swap, 3, 0.5, "not now", false},
                                 {HookEvent::failed, std::nullopt, 30, "", true}};
  records.add("operation", "\x05", registry::encode(operation));
  records.add("usage", "\x09",
              registry::encode(registry::StoredUsage{DatabaseId("d"), 20'000, 12}));
  records.add("facts", "\x06", registry::encode(registry::RegistryFacts{true}));

  records.add("request", "\x07", registry::encode(registry::StoredRequest{"f", "s", 1, "answer"}));
  AuditEntry entry;
  entry.sequence = 9;
  entry.status = 201;
  records.add("audit", "\x08", registry::encode(entry));

  const Folder text(root, "data_text");
  text.add("record", "\x02", record::encode(record::Type::string, std::nullopt, "value"));
  text.add("record-expiry", "\x02", record::encode(record::Type::string, 1'700'000'000'000, "v"));
  text.add("record-hash", "\x02", record::encode(record::Type::hash, 1, std::string(16, '\1')));
}

void write_sealed(const std::string& root) {
  const Folder sealed(root, "sealed");
  for (unsigned part = 0; part < 7; ++part)
    for (const unsigned seed : {1u, 2u, 3u})
      sealed.add(fmt::format("{}-{}", part, seed), std::string(1, static_cast<char>(part)),
                 counted(seed, 60 + 70 * seed));
}

void write_journals(const std::string& root) {
  const Folder journals(root, "journal");
  for (const unsigned flags : {0u, 1u, 2u, 3u}) {
    std::string choices{static_cast<char>(flags & 1), static_cast<char>(flags >> 1)};
    journals.add(fmt::format("{}", flags), choices, counted(flags + 5, 150));
  }
}

}  // namespace
}  // namespace restored::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: fuzz_seeds DIRECTORY\n");
    return 64;
  }
  const std::string root = argv[1];
  restored::fuzz::write_backups(root);
  restored::fuzz::write_documents(root);
  restored::fuzz::write_frames(root);
  restored::fuzz::write_local_records(root);
  restored::fuzz::write_sealed(root);
  restored::fuzz::write_journals(root);
  return 0;
}
