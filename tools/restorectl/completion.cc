// restorectl completion SHELL: what a shell needs to complete verbs, options, and the databases,
// backups and operations that the agent has.
#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "command_tree.h"
#include "fields.h"
#include "lookup.h"
#include "output.h"
#include "session.h"

namespace restored::ctl {
namespace {

// What stands for a value of the agent's, by the name of the place where it is typed.
std::string_view list_of(const VerbFacts& verb, const OptionFacts& option) {
  if (option.name == "DATABASE" || option.name == "TARGET") return "databases";
  if (option.name == "BACKUP") return "backups";
  if (option.name == "ID" && verb.words.starts_with("operation ")) return "operations";
  if (option.name == "ID" && verb.words.starts_with("backup ")) return "backups";
  return {};
}

std::string joined(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  return line;
}

// One arm of the script's table: what may follow these words.
std::string arm(const VerbFacts& verb, const VerbFacts& program) {
  std::vector<std::string> words = verb.verbs;
  std::vector<std::string> valued;
  std::string_view list;
  const auto add = [&](const VerbFacts& from) {
    for (const OptionFacts& option : from.options) {
      if (option.positional) {
        if (list.empty()) list = list_of(verb, option);
        continue;
      }
      if (std::ranges::find(words, option.name) == words.end()) words.push_back(option.name);
      if (!option.value.empty()) valued.push_back(option.name);
    }
  };
  add(verb);
  if (!verb.words.empty()) add(program);
  return fmt::format("    \"{}\") words=\"{}\"; valued=\"{}\"; list=\"{}\" ;;\n", verb.words,
                     joined(words), joined(valued), list);
}

// Written for bash; zsh reads it through its bashcompinit. The table is asked for the longest
// prefix of the typed words that is a verb.
std::string script(const std::vector<VerbFacts>& tree) {
  std::string text =
      "# Completion of restorectl: source it, or place it where the shell looks for completions.\n"
      "_restorectl_table() {\n  case \"$1\" in\n";
  for (const VerbFacts& verb : tree) text += arm(verb, tree.front());
  text += R"sh(    *) return 1 ;;
  esac
}
_restorectl() {
  local words="" valued="" list="" at="" word previous="" index
  local current="${COMP_WORDS[COMP_CWORD]}"
  _restorectl_table ""
  for ((index = 1; index < COMP_CWORD; ++index)); do
    word="${COMP_WORDS[index]}"
    if [[ " $valued " != *" $previous "* || -z "$previous" ]]; then
      _restorectl_table "${at:+$at }$word" && at="${at:+$at }$word"
    fi
    previous="$word"
  done
  COMPREPLY=()
  [[ -n "$previous" && " $valued " == *" $previous "* ]] && return
  if [[ -n "$list" && "$current" != -* ]]; then
    words="$(restorectl completion --values "$list" 2>/dev/null) $words"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
)sh";
  return text;
}

struct CompletionOptions {
  const CLI::App* app = nullptr;
  std::string shell;
  std::string values;
};

Outcome print_script(const CompletionOptions& options) {
  const std::string text = script(command_tree(*options.app));
  if (options.shell == "zsh") {
    fmt::print("#compdef restorectl\nautoload -U +X bashcompinit && bashcompinit\n{}", text);
  } else {
    fmt::print("{}", text);
  }
  // Where nothing of ours fits, the shell offers files.
  fmt::print("complete -o default -F _restorectl restorectl\n");
  return {};
}

Outcome print_values(const Session& session, const std::string& list) {
  const bool operations = list != "databases";
  const auto print = [&](const boost::json::value& entry) {
    const bool backups = list == "backups";
    if (!backups) print_line(text(entry, "id"));
    if (backups && text(entry, "kind") == "backup" && text(entry, "status") == "succeeded")
      print_line(text(entry, "backupId"));
    // A name with a space would be two words.
    const std::string name = text(entry, "name");
    if (!operations && !name.empty() && name.find_first_of(" \t\n'\"\\$`") == std::string::npos)
      print_line(name);
    return true;
  };
  return for_each(session.agent, operations ? "/v1/operations" : "/v1/databases", print);
}

Outcome complete(const Session& session, const CompletionOptions& options) {
  return print_values(session, options.values);
}

}  // namespace

void add_completion_verb(Verbs& verbs) {
  auto options = std::make_shared<CompletionOptions>();
  options->app = &verbs.app;
  CLI::App* verb =
      verbs.app.add_subcommand("completion", "Print what a shell needs to complete restorectl");
  verb->footer("\nExample:\n  restorectl completion bash > /etc/bash_completion.d/restorectl");
  auto* shell = verb->add_option("SHELL", options->shell, "bash or zsh")
                    ->check(CLI::IsMember({"bash", "zsh"}));
  auto* values = verb->add_option("--values", options->values, "Only list what the agent has")
                     ->check(CLI::IsMember({"databases", "backups", "operations"}));
  shell->excludes(values);
  verb->callback([&verbs, options] {
    if (!options->values.empty()) {
      verbs.chosen = [options](const Session& session) { return complete(session, *options); };
      return;
    }
    if (options->shell.empty()) throw CLI::RequiredError("SHELL");
    verbs.offline = [options](bool) { return print_script(*options); };
  });
}

}  // namespace restored::ctl
