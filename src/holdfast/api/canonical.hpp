#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

namespace holdfast::api {

/// Canonical JSON as RFC 8785 defines it: no blanks, keys in the order of their UTF-16 code units, the fewest escapes,
/// numbers as ECMAScript prints them. Two values that mean the same give the same bytes, so that a hash can stand for
/// the value.
///
/// Numbers are those of JavaScript: an integer beyond 2^53 is rounded to the nearest double, and what is no number at
/// all becomes null. Strings are taken as UTF-8. Threads: any.
std::string canonical(const boost::json::value& value);
/// The same of one string, behind what `out` holds.
void append_canonical(std::string_view text, std::string& out);

}  // namespace holdfast::api
