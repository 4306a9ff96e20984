#include "holdfast/api/canonical.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cmath>
#include <type_traits>
#include <vector>

namespace holdfast::api {
namespace {

namespace json = boost::json;

constexpr std::int64_t exact_max = std::int64_t{1} << 53;  // every integer up to here is a double

/// What stands for a character that may not stand for itself; empty: it may.
std::string_view escape_of(char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return {};
  }
}

void write_string(std::string_view text, std::string& out) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += '"';
  std::size_t written = 0;  // runs of plain characters are copied whole
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, written, i - written);
    written = i + 1;
    if (const std::string_view escape = escape_of(c); !escape.empty()) {
      out += escape;
    } else {
      out += "\\u00";
      out += hex[static_cast<std::size_t>(c) >> 4];
      out += hex[static_cast<std::size_t>(c) & 15];
    }
  }
  out.append(text, written);
  out += '"';
}

/// ECMAScript's Number::toString for radix 10: the shortest digits, laid out by where the point falls.
void write_double(double number, std::string& out) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  if (number == 0) {
    out += '0';  // -0 too
    return;
  }
  std::array<char, 32> text{};
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), std::abs(number), std::chars_format::scientific);
  const std::string_view shortest(text.data(), static_cast<std::size_t>(end.ptr - text.data()));
  const auto e = shortest.find('e');
  std::string digits(1, shortest[0]);
  if (e > 2) digits += shortest.substr(2, e - 2);
  int exponent = 0;
  const std::size_t from = shortest[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(shortest.data() + from, shortest.data() + shortest.size(), exponent);

  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // so many digits stand in front of the point
  if (number < 0) out += '-';
  if (count <= point && point <= 21) {
    out += digits;
    out.append(static_cast<std::size_t>(point - count), '0');
  } else if (0 < point && point <= 21) {
    out += digits.substr(0, static_cast<std::size_t>(point)) + '.' + digits.substr(static_cast<std::size_t>(point));
  } else if (-6 < point && point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-point), '0');
    out += digits;
  } else {
    out += digits[0];
    if (count > 1) out += '.' + digits.substr(1);
    out += exponent < 0 ? "e-" : "e+";
    out += std::to_string(std::abs(exponent));
  }
}

template <class Integer>
void write_integer(Integer number, std::string& out) {
  const bool exact = number <= static_cast<Integer>(exact_max) &&
                     (std::is_unsigned_v<Integer> || number >= static_cast<Integer>(-exact_max));
  if (exact) {
    out += std::to_string(number);
  } else {
    write_double(static_cast<double>(number), out);
  }
}

/// UTF-8 in the order of its UTF-16 code units: as bytes, but what needs two units stands in front of U+E000 to U+FFFF.
bool utf16_less(std::string_view a, std::string_view b) {
  const auto [left, right] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (left == a.end() || right == b.end()) return left == a.end() && right != b.end();
  const auto x = static_cast<unsigned char>(*left), y = static_cast<unsigned char>(*right);
  const bool x_pair = x >= 0xF0, y_pair = y >= 0xF0;
  if (x_pair != y_pair) return x_pair ? y >= 0xEE : x < 0xEE;
  return x < y;
}

void write(const json::value& value, std::string& out) {
  switch (value.kind()) {
    case json::kind::null:
      out += "null";
      break;
    case json::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      break;
    case json::kind::int64:
      write_integer(value.get_int64(), out);
      break;
    case json::kind::uint64:
      write_integer(value.get_uint64(), out);
      break;
    case json::kind::double_:
      write_double(value.get_double(), out);
      break;
    case json::kind::string:
      write_string(value.get_string(), out);
      break;
    case json::kind::array: {
      out += '[';
      for (const json::value& each : value.get_array()) {
        if (&each != value.get_array().data()) out += ',';
        write(each, out);
      }
      out += ']';
      break;
    }
    case json::kind::object: {
      std::vector<const json::key_value_pair*> pairs;
      pairs.reserve(value.get_object().size());
      for (const json::key_value_pair& each : value.get_object())
        pairs.push_back(&each);
      std::ranges::sort(pairs, [](const auto* a, const auto* b) { return utf16_less(a->key(), b->key()); });
      out += '{';
      for (const json::key_value_pair* each : pairs) {
        if (each != pairs.front()) out += ',';
        write_string(each->key(), out);
        out += ':';
        write(each->value(), out);
      }
      out += '}';
      break;
    }
  }
}

}  // namespace

std::string canonical(const json::value& value) {
  std::string out;
  write(value, out);
  return out;
}

void append_canonical(std::string_view text, std::string& out) {
  write_string(text, out);
}

}  // namespace holdfast::api
