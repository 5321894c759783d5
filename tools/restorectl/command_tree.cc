#include "command_tree.h"

#include <string_view>

namespace restored::ctl {
namespace {

OptionFacts facts_of(const CLI::Option& option) {
  OptionFacts facts;
  facts.positional = option.get_positional();
  facts.name = facts.positional ? option.get_name(true) : "--" + option.get_single_name();
  // Of a check on the value CLI11 writes "TEXT:PATH"; people need the first word.
  const std::string type = option.get_type_name();
  if (!facts.positional && option.get_items_expected_max() > 0) {
    facts.value = type.substr(0, type.find_first_of(": "));
    if (facts.value.empty()) facts.value = "VALUE";
  }
  facts.purpose = option.get_description();
  facts.environment = option.get_envname();
  facts.default_value = option.get_default_str();
  facts.required = option.get_required();
  return facts;
}

void walk(const CLI::App& app, const std::string& words, std::vector<VerbFacts>& into) {
  VerbFacts verb;
  verb.words = words;
  verb.purpose = app.get_description();
  verb.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) verb.options.push_back(facts_of(*option));
  const std::vector<const CLI::App*> below =
      app.get_subcommands([](const CLI::App* one) { return !one->get_group().empty(); });
  for (const CLI::App* one : below) verb.verbs.push_back(one->get_name());
  into.push_back(std::move(verb));
  for (const CLI::App* one : below) {
    walk(*one, words.empty() ? one->get_name() : words + " " + one->get_name(), into);
  }
}

}  // namespace

std::vector<VerbFacts> command_tree(const CLI::App& app) {
  std::vector<VerbFacts> tree;
  walk(app, "", tree);
  return tree;
}

}  // namespace restored::ctl
