#pragma once

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/api/openapi.hpp"

/// For tests: as much of JSON Schema as the OpenAPI document uses. A keyword that it does not know is a fault.
namespace holdfast::control {

class Schemas {
 public:
  Schemas() : document_(boost::json::parse(api::openapi_document())) {}

  const boost::json::value& document() const { return document_; }

  /// What a `$ref` names, or the value itself.
  const boost::json::value& resolved(const boost::json::value& value) const {
    const boost::json::value* ref = value.is_object() ? value.get_object().if_contains("$ref") : nullptr;
    if (ref == nullptr) return value;
    return document_.at_pointer(std::string_view(ref->get_string()).substr(1));
  }

  /// What is wrong with a value; empty where it is what the schema says.
  std::string problem(const boost::json::value& value, const boost::json::value& schema,
                      const std::string& at = "$") const {
    const boost::json::object& rules = resolved(schema).get_object();
    for (const auto& rule : rules) {
      const std::string_view name = rule.key();
      const std::string wrong = check(value, name, rule.value(), rules, at);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

 private:
  using Value = boost::json::value;

  static bool is(const Value& value, std::string_view type) {
    if (type == "null") return value.is_null();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_bool();
    if (type == "integer") return value.is_int64() || value.is_uint64();
    if (type == "number") return value.is_number();
    if (type == "array") return value.is_array();
    return type == "object" && value.is_object();
  }

  std::string check(const Value& value, std::string_view rule, const Value& said, const boost::json::object& rules,
                    const std::string& at) const {
    const auto wrong = [&](std::string_view why) {
      return at + " " + std::string(why) + ": " + boost::json::serialize(value).substr(0, 200);
    };
    if (rule == "type") {
      const bool fits =
          said.is_string()
              ? is(value, said.get_string())
              : std::ranges::any_of(said.get_array(), [&](const Value& each) { return is(value, each.get_string()); });
      return fits ? "" : wrong("is no " + boost::json::serialize(said));
    }
    if (rule == "enum") {
      return std::ranges::find(said.get_array(), value) != said.get_array().end() ? "" : wrong("is none of its words");
    }
    if (rule == "anyOf") {
      const auto fits = [&](const Value& each) { return problem(value, each, at).empty(); };
      if (std::ranges::any_of(said.get_array(), fits)) return {};
      return problem(value, said.get_array().front(), at);
    }
    if (rule == "oneOf") return check_one_of(value, said, rules, at);
    if (rule == "discriminator") return {};  // says which of `oneOf` it is
    if (rule == "minimum") {
      return !value.is_number() || value.to_number<double>() >= said.to_number<double>() ? "" : wrong("is too small");
    }
    if (rule == "maximum") {
      return !value.is_number() || value.to_number<double>() <= said.to_number<double>() ? "" : wrong("is too large");
    }
    if (rule == "minLength") {
      return !value.is_string() || value.get_string().size() >= said.to_number<std::size_t>() ? "" : wrong("is short");
    }
    if (rule == "maxLength") {
      return !value.is_string() || value.get_string().size() <= said.to_number<std::size_t>() ? "" : wrong("is long");
    }
    if (rule == "items") return check_items(value, said, at);
    if (rule == "properties" || rule == "required" || rule == "additionalProperties") {
      return value.is_object() ? check_object(value.get_object(), rule, said, rules, at) : "";
    }
    if (rule == "format" || rule == "description") return {};
    return at + ": the schema says " + std::string(rule) + ", which this check does not know";
  }

  /// Exactly one of the schemas fits. Where none does and the value names its own, that one says why.
  std::string check_one_of(const Value& value, const Value& said, const boost::json::object& rules,
                           const std::string& at) const {
    const auto fitting =
        std::ranges::count_if(said.get_array(), [&](const Value& each) { return problem(value, each, at).empty(); });
    if (fitting == 1) return {};
    if (fitting > 1) return at + " is " + std::to_string(fitting) + " things at once";
    const Value& discriminator = rules.at("discriminator");
    const Value* name =
        value.is_object() ? value.get_object().if_contains(discriminator.at("propertyName").get_string()) : nullptr;
    const auto& mapping = discriminator.at("mapping").get_object();
    if (name == nullptr || !name->is_string() || !mapping.contains(name->get_string())) return at + " is none of them";
    return problem(value, boost::json::object{{"$ref", mapping.at(name->get_string())}}, at);
  }

  std::string check_items(const Value& value, const Value& said, const std::string& at) const {
    if (!value.is_array()) return {};
    for (std::size_t i = 0; i < value.get_array().size(); ++i) {
      const std::string wrong = problem(value.get_array()[i], said, at + "[" + std::to_string(i) + "]");
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  std::string check_object(const boost::json::object& object, std::string_view rule, const Value& said,
                           const boost::json::object& rules, const std::string& at) const {
    if (rule == "required") {
      for (const Value& key : said.get_array()) {
        if (!object.contains(key.get_string())) return at + " lacks " + std::string(key.get_string());
      }
    } else if (rule == "properties") {
      for (const auto& each : said.get_object()) {
        const Value* member = object.if_contains(each.key());
        const std::string wrong =
            member == nullptr ? "" : problem(*member, each.value(), at + "." + std::string(each.key()));
        if (!wrong.empty()) return wrong;
      }
    } else if (!said.get_bool()) {
      for (const auto& each : object) {
        if (!rules.at("properties").get_object().contains(each.key())) {
          return at + " has " + std::string(each.key()) + ", which the schema does not know";
        }
      }
    }
    return {};
  }

  Value document_;
};

}  // namespace holdfast::control
