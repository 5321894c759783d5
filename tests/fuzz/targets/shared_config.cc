// The files that AWS's tools share, and the instance's metadata: where access keys come from.
#include <algorithm>
#include <optional>
#include <string>

#include "choices.h"
#include "store/credential_places.h"
#include "store/instance_metadata.h"
#include "store/shared_config.h"
#include "target.h"

namespace restored::fuzz {
namespace {

using store::ProfileFile;

// Whether a text can stand in such a file and come back: a word of printable characters, which are
// no comment.
bool plain(std::string_view text) {
  return !text.empty() && text.size() < 40 && text.find_first_of("#;[]=") == text.npos &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

void check_file(ProfileFile::Kind kind, std::string_view text, std::string_view profile) {
  const ProfileFile file(kind, SecretText::copy(text));
  const bool there = file.has_profile(profile);
  for (const std::string_view key : {"aws_access_key_id", "aws_secret_access_key", "region"}) {
    const auto value = file.value(profile, key);
    if (!value) continue;
    require(there, "only a profile that is there has values");
    require(!value->empty() && value->find('\n') == value->npos, "a value is one line");
    require(text.find(*value) != text.npos, "a value stands in the file");
  }
}

// A profile that is written behind anything is read back as it was.
void check_written(ProfileFile::Kind kind, std::string_view before, std::string_view profile,
                   std::string_view value) {
  if (!plain(profile) || !plain(value)) return;
  std::string text(before);
  const bool prefixed = kind == ProfileFile::Kind::config && profile != "default";
  text += "\n[" + std::string(prefixed ? "profile " : "") + std::string(profile) + "]\n";
  text += "aws_access_key_id = " + std::string(value) + "\n";
  const ProfileFile file(kind, SecretText::copy(text));
  require(file.has_profile(profile) && file.value(profile, "aws_access_key_id") == value,
          "a profile comes back as it was written");
}

void check_metadata(std::string_view text) {
  const Result<store::Credentials> read = store::parse_instance_credentials(text);
  if (!read) return require_sound(read.error());
  require(read->expires_at.has_value() && !read->access_key_id.empty() &&
              !read->secret_access_key.empty(),
          "credentials of an instance are whole");
  require(store::check_credentials(*read).has_value(), "credentials fit into a header");
}

void run(std::string_view input) {
  Choices choices(input);
  const std::uint8_t flags = choices.byte();
  if (flags % 3 == 2) return check_metadata(choices.rest());
  const auto kind = flags % 3 == 0 ? ProfileFile::Kind::credentials : ProfileFile::Kind::config;
  const std::string_view profile = choices.until('\n');
  const std::string_view value = choices.until('\n');
  const std::string_view text = choices.rest();
  check_file(kind, text, profile);
  check_written(kind, text, profile, value);
}

const Registration registration({"shared_config", 4 * 1024, run});

}  // namespace
}  // namespace restored::fuzz
