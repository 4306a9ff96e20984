#include "holdfast/net/target.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

#include "holdfast/base/name.hpp"
#include "holdfast/net/limits.hpp"
#include "holdfast/net/origin.hpp"

namespace holdfast::net {
namespace {

Failure refused(std::string message) {
  return {.code = Errc::invalid_argument, .message = std::move(message)};
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

result<std::string> decode_form(std::string_view text) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '+', ' ');
  return percent_decode(spaced);
}

/// A letter at least in the last label: `1.2.3` is neither a name nor an address.
bool is_name(std::string_view text) {
  if (text.size() > 253) return false;
  const std::string_view last = text.substr(text.rfind('.') + 1);
  if (std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; })) return false;
  while (!text.empty()) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    const std::string_view label = text.substr(0, dot);
    const auto good = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; };
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-') return false;
    if (!std::all_of(label.begin(), label.end(), good)) return false;
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return true;
}

/// Host and port as they stand in an authority, without a user.
result<Origin> parse_authority(std::string_view text, bool tls) {
  Origin origin{.tls = tls, .port = static_cast<std::uint16_t>(tls ? 443 : 80)};
  error_code error;
  if (text.starts_with('[')) {
    const std::size_t close = std::min(text.find(']'), text.size());
    const auto six = boost::asio::ip::make_address_v6(std::string(text.substr(1, close - 1)), error);
    if (error || close == text.size() || six.scope_id() != 0) return refused("in the brackets stands no IPv6 address");
    origin.host = six.to_string();
    text.remove_prefix(close + 1);
    if (!text.empty() && text.front() != ':') return refused("behind the brackets may stand a port only");
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    origin.host = text.substr(0, colon);
    for (char& c : origin.host)
      c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    text.remove_prefix(colon);
    if (origin.host.empty()) return refused("the host is missing");
    boost::asio::ip::make_address_v4(origin.host, error);
    if (error && !is_name(origin.host)) return refused("the host is neither a name nor an address");
  }
  if (text.empty()) return origin;
  text.remove_prefix(1);
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), origin.port);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || origin.port == 0) {
    return refused("the port is a number from 1 to 65535");
  }
  return origin;
}

bool is_port(std::string_view text) {
  return text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out.push_back(text[at]);
      continue;
    }
    const int high = at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
    const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
    if (high < 0 || low < 0) return refused("a percent sign is not followed by two hexadecimal digits");
    out.push_back(static_cast<char>(high * 16 + low));
    at += 2;
  }
  if (out.find('\0') != std::string::npos) return refused("there is a zero byte in it");
  if (!is_utf8(out)) return refused("it is not UTF-8");
  return out;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(digits[byte >> 4]);
      out.push_back(digits[byte & 15]);
    }
  }
  return out;
}

result<std::vector<std::string>> split_path(std::string_view path) {
  if (path.empty() || path.front() != '/') return refused("a path begins with a slash");
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t slash = std::min(path.find('/'), path.size());
    auto segment = percent_decode(path.substr(0, slash));
    if (!segment) return refused("the path: " + segment.error().message);
    if (*segment == "." || *segment == "..") return refused("the path: dots are not resolved here");
    segments.push_back(std::move(*segment));
    path.remove_prefix(slash);
  }
  return segments;
}

std::optional<std::string_view> Query::find(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::size_t Query::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::count_if(begin(), end(), [name](const auto& parameter) { return parameter.first == name; }));
}

result<Query> parse_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view parameter = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (parameter.empty()) continue;
    if (query.size() == query_parameters_max) return refused("the query has too many parameters");
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    auto name = decode_form(parameter.substr(0, equals));
    if (!name) return refused("the query: " + name.error().message);
    if (name->empty()) return refused("the query: a parameter has no name");
    auto value = decode_form(parameter.substr(std::min(equals + 1, parameter.size())));
    if (!value) return refused("the query, " + *name + ": " + value.error().message);
    query.add(std::move(*name), std::move(*value));
  }
  return query;
}

result<Target> parse_target(std::string_view method, std::string_view target) {
  if (!is_visible(target)) return refused("a target has visible ASCII characters only");
  if (target.find('#') != std::string_view::npos) return refused("a fragment is not sent");
  if (target == "*" && method == "OPTIONS") return Target{.path = "*"};
  for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    const std::size_t end = std::min(target.find_first_of("/?"), target.size());
    if (!is_host(target.substr(0, end))) return refused("the host of the target is not one");
    target.remove_prefix(end);
    if (target.empty()) return Target{.path = "/"};
    if (target.front() == '?') return Target{.path = "/", .query = std::string(target.substr(1))};
    break;
  }
  if (target.empty() || target.front() != '/') return refused("a target begins with a slash");
  const std::size_t question = std::min(target.find('?'), target.size());
  return Target{.path = std::string(target.substr(0, question)),
                .query = std::string(target.substr(std::min(question + 1, target.size())))};
}

result<BaseUrl> parse_origin(std::string_view url) {
  if (!is_visible(url)) return refused("the URL: visible ASCII characters only");
  const std::size_t scheme_end = std::min(url.find("://"), url.size());
  std::string scheme(url.substr(0, scheme_end));
  for (char& c : scheme)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (scheme_end == url.size() || (scheme != "http" && scheme != "https")) {
    return refused("the URL begins with http:// or https://");
  }
  url.remove_prefix(scheme_end + 3);
  if (url.find('#') != std::string_view::npos) return refused("the URL has no place for a fragment");
  if (url.find('?') != std::string_view::npos) return refused("the URL has no place for a query");
  const std::size_t slash = std::min(url.find('/'), url.size());
  const std::string_view authority = url.substr(0, slash);
  if (authority.find('@') != std::string_view::npos) return refused("the URL has no place for a user or a password");
  auto origin = parse_authority(authority, scheme == "https");
  if (!origin) return refused("the URL: " + origin.error().message);
  url.remove_prefix(slash);
  if (url.ends_with('/')) url.remove_suffix(1);
  if (url.empty()) return BaseUrl{.origin = std::move(*origin)};
  const auto segments = split_path(url);
  if (!segments) return refused("the URL: " + segments.error().message);
  for (const std::string& segment : *segments) {
    if (segment.empty()) return refused("the URL: two slashes in a row in the path");
  }
  return BaseUrl{.origin = std::move(*origin), .path = std::string(url)};
}

std::string Origin::host_field() const {
  const std::string shown = host.find(':') != std::string::npos ? "[" + host + "]" : host;
  return port == (tls ? 443 : 80) ? shown : shown + ":" + std::to_string(port);
}

std::string Origin::text() const {
  return (tls ? "https://" : "http://") + host_field();
}

bool is_host(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || close == 1) return false;
    const std::string_view address = text.substr(1, close - 1);
    if (address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) return false;
    text.remove_prefix(close + 1);
    return text.empty() || (text.front() == ':' && is_port(text.substr(1)));
  }
  const std::size_t colon = std::min(text.find(':'), text.size());
  const std::string_view name = text.substr(0, colon);
  const auto good = [](char c) { return is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '~'; };
  if (name.empty() || !std::all_of(name.begin(), name.end(), good)) return false;
  return colon == text.size() || is_port(text.substr(colon + 1));
}

std::string as_host(std::string_view said) {
  const bool bare_six = std::ranges::count(said, ':') > 1 && !said.starts_with('[');
  return bare_six ? "[" + std::string(said) + "]" : std::string(said);
}

}  // namespace holdfast::net
