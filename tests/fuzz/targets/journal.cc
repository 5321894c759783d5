// The journal of a restore. What is read is a beginning of what was written, whatever happened to
// the file; and behind sums that were made to fit, every entry is one of its plan.
#include <cstring>
#include <string>
#include <vector>

#include "choices.h"
#include "format/hash.h"
#include "made_manifest.h"
#include "memory_files.h"
#include "restore/journal.h"
#include "target.h"

namespace restored::fuzz {
namespace {

using restore::Journal;
using restore::JournalBinding;
using restore::JournalEntry;

constexpr std::size_t record_bytes = 48;
const JournalBinding binding{OperationId("o0123456789"), std::string(32, 'a')};

using Files = std::vector<format::ManifestFile>;

Files plan_of() {
  Files files(3);
  for (std::size_t i = 0; i < files.size(); ++i) {
    files[i].frames_count = 10 * (i + 1);
    files[i].content.bytes.fill(static_cast<std::byte>(i + 1));
  }
  return files;
}

JournalEntry entry_from(Choices& choices, const Files& plan) {
  JournalEntry entry;
  entry.file = static_cast<std::uint32_t>(choices.below(plan.size()));
  const std::uint64_t frames = plan[entry.file].frames_count;
  entry.span.begin = choices.below(frames + 1);
  entry.span.end = entry.span.begin + choices.below(frames - entry.span.begin + 1);
  entry.whole = choices.flag();
  entry.linked = choices.flag();
  return entry;
}

std::vector<JournalEntry> write(MemoryFiles& files, const Files& plan, Choices& choices) {
  std::vector<JournalEntry> entries;
  auto journal = Journal::create(files, "journal", binding, plan);
  require(journal.has_value(), "a journal is made");
  for (std::size_t left = choices.below(6); left > 0; --left) {
    entries.push_back(entry_from(choices, plan));
    require(journal->append(entries.back()).has_value(), "an entry is written");
  }
  require(journal->close().has_value(), "a journal is closed");
  return entries;
}

// Every sum as its writer would have made it.
void fit_sums(std::vector<std::byte>& bytes) {
  const std::string text = binding.operation.value + "\n" + binding.manifest_hash;
  const std::uint64_t seed = format::hash64(std::as_bytes(std::span(text)), 0);
  for (std::size_t at = 0; at + record_bytes <= bytes.size(); at += record_bytes) {
    const std::uint64_t sum = format::hash64(std::span(bytes).subspan(at, record_bytes - 8), seed);
    std::memcpy(bytes.data() + at + record_bytes - 8, &sum, sizeof sum);
  }
}

// Reads, goes on writing, and reads again.
void check(MemoryFiles& files, const Files& plan, const std::vector<JournalEntry>* written,
           bool damaged) {
  std::vector<JournalEntry> entries;
  auto journal = Journal::open(files, "journal", binding, plan, entries);
  if (!journal) {
    require(damaged, "a journal that nothing happened to is read");
    return require_sound(journal.error());
  }
  for (const JournalEntry& entry : entries) {
    require(entry.file < plan.size() && entry.span.begin <= entry.span.end &&
                entry.span.end <= plan[entry.file].frames_count,
            "an entry is one of its plan");
  }
  if (written != nullptr) {
    require(entries.size() <= written->size() &&
                std::equal(entries.begin(), entries.end(), written->begin()),
            "what is read is a beginning of what was written");
    require(damaged || entries.size() == written->size(), "nothing is lost of a whole journal");
  }
  const JournalEntry added{.file = 1, .span = {2, 7}, .whole = false, .linked = true};
  require(journal->append(added).has_value() && journal->close().has_value(), "it goes on");
  std::vector<JournalEntry> again;
  require(Journal::open(files, "journal", binding, plan, again).has_value(), "it is read again");
  entries.push_back(added);
  require(again == entries, "behind a torn tail nothing comes back");
}

void run(std::string_view input) {
  Choices choices(input);
  const bool fit = choices.flag();
  const bool foreign = choices.flag();
  const Files plan = plan_of();
  MemoryFiles files;
  const std::vector<JournalEntry> written = write(files, plan, choices);
  if (foreign) {
    // Behind the header, bytes of the input's own.
    files.content.resize(record_bytes);
    const std::string_view tail = choices.rest();
    const auto bytes = std::as_bytes(std::span(tail.data(), tail.size()));
    files.content.insert(files.content.end(), bytes.begin(), bytes.end());
    if (fit) fit_sums(files.content);
    return check(files, plan, nullptr, true);
  }
  const std::vector<std::byte> before = files.content;
  if (choices.flag()) files.content.resize(choices.number(2) % (files.content.size() + 1));
  for (unsigned changes = 0; changes < 6 && !choices.empty() && !files.content.empty(); ++changes) {
    std::byte& byte = files.content[choices.number(2) % files.content.size()];
    byte ^= static_cast<std::byte>(choices.byte());
  }
  const bool damaged = files.content != before;
  if (fit) fit_sums(files.content);
  check(files, plan, fit ? nullptr : &written, damaged);
}

const Registration registration({"journal", 1024, run});

}  // namespace
}  // namespace restored::fuzz
