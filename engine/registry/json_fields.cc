#include "registry/json_fields.h"

#include <fmt/format.h>

#include "format/utf8.h"

namespace restored::registry {
namespace {

namespace json = boost::json;

// A code of a later release that this one does not know reads as internal; its message stays.
ErrorCode error_code(std::uint64_t number) {
  switch (number) {
#define RESTORED_ERROR(name, number, wire, http, exit, retry, hint) \
  case number:                                                      \
    return ErrorCode::name;
#include "restored/error_codes.def"
#undef RESTORED_ERROR
    default:
      return ErrorCode::internal;
  }
}

void mend(json::object& object) {
  for (json::key_value_pair& member : object) {
    if (json::object* inner = member.value().if_object()) mend(*inner);
    if (json::string* text = member.value().if_string()) {
      *text = format::to_utf8({text->data(), text->size()});
    }
  }
}

}  // namespace

Result<Fields> Fields::parse(std::string_view key, std::string_view text,
                             std::uint64_t version_max) {
  Fields fields{std::string(key)};
  json::error_code error;
  // Texts that are not UTF-8 were once written as they came; text() mends them.
  json::parse_options options;
  options.allow_invalid_utf8 = true;
  json::value value = json::parse(text, error, {}, options);
  if (error || !value.is_object()) {
    return fail(ErrorCode::corruption, fmt::format("registry record {} is not a JSON object", key));
  }
  fields.object_ = std::move(value.get_object());
  const std::uint64_t version = fields.count("version");
  if (version > version_max) {
    return fail(ErrorCode::unsupported_format,
                fmt::format("registry record {} has version {}, this agent reads {}", key, version,
                            version_max));
  }
  if (version == 0) fields.wrong("version");
  RESTORED_TRY(fields.status());
  return fields;
}

const json::value* Fields::present(std::string_view member) const {
  const json::value* value = object_.if_contains(member);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string Fields::text(std::string_view member) {
  const json::value* value = present(member);
  const json::string* text = value == nullptr ? nullptr : value->if_string();
  if (text == nullptr) {
    wrong(member);
    return {};
  }
  return format::to_utf8({text->data(), text->size()});
}

template <class Number>
Number Fields::to_number(std::string_view member) {
  const json::value* value = present(member);
  json::error_code error;
  if (value != nullptr && value->is_number()) {
    const Number number = value->to_number<Number>(error);
    if (!error) return number;
  }
  wrong(member);
  return {};
}

std::uint64_t Fields::count(std::string_view member) {
  return to_number<std::uint64_t>(member);
}
std::int64_t Fields::time(std::string_view member) {
  return to_number<std::int64_t>(member);
}
double Fields::number(std::string_view member) {
  return to_number<double>(member);
}

bool Fields::flag(std::string_view member) {
  const json::value* value = present(member);
  if (value == nullptr || !value->is_bool()) {
    wrong(member);
    return false;
  }
  return value->get_bool();
}

std::optional<std::int64_t> Fields::optional_time(std::string_view member) {
  if (present(member) == nullptr) return std::nullopt;
  return time(member);
}

std::optional<std::string> Fields::optional_text(std::string_view member) {
  if (present(member) == nullptr) return std::nullopt;
  return text(member);
}

std::optional<std::uint64_t> Fields::optional_count(std::string_view member) {
  if (present(member) == nullptr) return std::nullopt;
  return count(member);
}

std::optional<bool> Fields::optional_flag(std::string_view member) {
  if (present(member) == nullptr) return std::nullopt;
  return flag(member);
}

std::optional<double> Fields::optional_number(std::string_view member) {
  if (present(member) == nullptr) return std::nullopt;
  return number(member);
}

std::optional<Error> Fields::optional_error(std::string_view member) {
  const json::value* value = present(member);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) {
    wrong(member);
    return std::nullopt;
  }
  Fields inner{key_};
  inner.object_ = value->get_object();
  Error error{error_code(inner.count("code")), inner.text("message"), inner.text("hint")};
  if (!inner.wrong_.empty()) wrong(member);
  return error;
}

std::vector<Fields> Fields::optional_list(std::string_view member) {
  std::vector<Fields> list;
  const json::value* value = present(member);
  if (value == nullptr) return list;
  if (!value->is_array()) {
    wrong(member);
    return list;
  }
  for (const json::value& element : value->get_array()) {
    if (!element.is_object()) {
      wrong(member);
      return {};
    }
    Fields one{key_};
    one.object_ = element.get_object();
    list.push_back(std::move(one));
  }
  return list;
}

void Fields::wrong(std::string_view member) {
  if (wrong_.empty()) wrong_ = member;
}

Result<void> Fields::status() const {
  if (wrong_.empty()) return {};
  return fail(
      ErrorCode::corruption,
      fmt::format("registry record {}: member \"{}\" is missing or makes no sense", key_, wrong_));
}

std::string record_text(json::object object, std::uint64_t order, std::uint64_t version) {
  mend(object);
  object["version"] = version;
  object["order"] = order;
  return json::serialize(object);
}

json::value to_json(const std::optional<Error>& error) {
  if (!error) return nullptr;
  return json::object{{"code", static_cast<std::uint64_t>(error->code)},
                      {"message", error->message},
                      {"hint", error->hint}};
}

}  // namespace restored::registry
