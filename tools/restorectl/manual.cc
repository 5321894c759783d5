// restorectl manual: the manual page in man(7), made of the same verbs that are parsed.
#include <fmt/core.h>

#include <string_view>

#include "command_tree.h"
#include "output.h"
#include "session.h"

namespace restored::ctl {
namespace {

// Text as a line of a manual page: a hyphen stays one that can be searched and copied, and no line
// of text becomes a request.
std::string roff(std::string_view text) {
  std::string page;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) page += "\\&";
    if (c == '\\') page += "\\e";
    if (c == '-') page += "\\-";
    if (c != '\\' && c != '-') page += c;
    line_begins = c == '\n';
  }
  return page;
}

std::string synopsis(const VerbFacts& verb) {
  std::string line = fmt::format("\\fBrestorectl {}\\fR", roff(verb.words));
  for (const OptionFacts& option : verb.options) {
    if (!option.positional) continue;
    const std::string name = fmt::format("\\fI{}\\fR", roff(option.name));
    line += option.required ? " " + name : " [" + name + "]";
  }
  return line;
}

void add_options(const VerbFacts& verb, std::string& page) {
  for (const OptionFacts& option : verb.options) {
    if (option.name == "--help" && !verb.words.empty()) continue;
    page += ".TP\n";
    page += fmt::format("\\f{}{}\\fR", option.positional ? 'I' : 'B', roff(option.name));
    if (!option.value.empty()) page += fmt::format(" \\fI{}\\fR", roff(option.value));
    page += "\n" + roff(option.purpose);
    if (option.required && !option.positional) page += " (must be given)";
    if (!option.default_value.empty()) page += fmt::format(" [{}]", roff(option.default_value));
    if (!option.environment.empty())
      page += fmt::format(" (or in the environment: {})", roff(option.environment));
    page += "\n";
  }
}

// "Example:\n  restorectl ..." and what else stands below the help of a verb.
void add_footer(const VerbFacts& verb, std::string& page) {
  std::string_view text = verb.footer;
  while (text.starts_with('\n')) text.remove_prefix(1);
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (text.empty()) return;
  page += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(text));
}

std::string manual(const std::vector<VerbFacts>& tree) {
  std::string page = fmt::format(".TH RESTORECTL 1 \"\" \"restored {}\" \"User Commands\"\n",
                                 roff(RESTORED_VERSION));
  const VerbFacts& program = tree.front();
  page += ".SH NAME\nrestorectl \\- control restored, the restore daemon of this host\n";
  page += ".SH SYNOPSIS\n\\fBrestorectl\\fR [\\fIOPTIONS\\fR] \\fIVERB\\fR ...\n";
  page += fmt::format(".SH DESCRIPTION\n{}.\n", roff(program.purpose));
  add_footer(program, page);
  page += ".SH OPTIONS\nThey may stand before or behind a verb.\n";
  add_options(program, page);
  page += ".SH VERBS\n";
  for (const VerbFacts& verb : tree) {
    if (verb.words.empty() || !verb.verbs.empty()) continue;
    page +=
        fmt::format(".SS {}\n{}\n.PP\n{}.\n", roff(verb.words), synopsis(verb), roff(verb.purpose));
    add_options(verb, page);
    add_footer(verb, page);
  }
  page +=
      ".SH EXIT STATUS\n0 when what was asked for is done. Else a number of sysexits.h where one "
      "fits: 64 for a command line that makes no sense, 65 for what cannot be done, 66 for what "
      "does not exist, 69 when the agent or the repository cannot be reached, 70 for a defect, 74 "
      "for a device that fails, 75 for what may succeed later, 77 for a permission, 78 for the "
      "configuration. The error and its next step stand on standard error, and with\n.B "
      "\\-\\-json\nas JSON on standard output.\n.SH SEE ALSO\n.BR restored (8)\n";
  return page;
}

struct ManualOptions {
  const CLI::App* app = nullptr;
};

Outcome print_manual(bool, const ManualOptions& options) {
  fmt::print("{}", manual(command_tree(*options.app)));
  return {};
}

}  // namespace

void add_manual_verb(Verbs& verbs) {
  add_offline_verb<ManualOptions>(
      verbs, verbs.app, "manual", "Print the manual page of restorectl",
      "restorectl manual | man -l -", print_manual,
      [&verbs](CLI::App&, ManualOptions& options) { options.app = &verbs.app; });
}

}  // namespace restored::ctl
