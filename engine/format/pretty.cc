#include "format/pretty.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace restored::format {
namespace {

void print(const boost::json::value& value, const std::string& indent, std::string& into) {
  const std::string deeper = indent + "  ";
  const char* separator = "\n";
  if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
    into += '{';
    for (const auto& member : *object) {
      into += separator + deeper + boost::json::serialize(member.key()) + ": ";
      print(member.value(), deeper, into);
      separator = ",\n";
    }
    into += '\n' + indent + '}';
  } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
    into += '[';
    for (const auto& element : *array) {
      into += separator + deeper;
      print(element, deeper, into);
      separator = ",\n";
    }
    into += '\n' + indent + ']';
  } else {
    into += boost::json::serialize(value);
  }
}

}  // namespace

std::string pretty(const boost::json::value& value) {
  std::string text;
  print(value, "", text);
  text += '\n';
  return text;
}

}  // namespace restored::format
