#include "holdfast/core/redact.hpp"

#include <algorithm>
#include <array>

#include "holdfast/base/name.hpp"
#include "holdfast/base/text.hpp"
#include "holdfast/core/limits.hpp"

namespace holdfast {
namespace {

constexpr std::string_view hidden = "***";
constexpr std::size_t key_bytes_min = 24;     // shorter runs of letters and digits are mostly words and ids
constexpr std::size_t quoted_bytes_max = 40;  // a longer quotation may be a piece of a prompt

/// What follows one of these is secret, up to the next blank or delimiter.
constexpr std::array secret_after = {
    std::string_view("bearer "),      std::string_view("basic "),        std::string_view("api_key"),
    std::string_view("api-key"),      std::string_view("apikey"),        std::string_view("api key"),
    std::string_view("token="),       std::string_view("token:"),        std::string_view("secret="),
    std::string_view("secret:"),      std::string_view("password"),      std::string_view("key="),
    std::string_view("access_token"), std::string_view("authorization:")};
/// What begins like this is a key, dashes and all.
constexpr std::array key_prefixes = {std::string_view("sk-"),   std::string_view("sk_"),  std::string_view("pk-"),
                                     std::string_view("xi-"),   std::string_view("gsk_"), std::string_view("hf_"),
                                     std::string_view("ghp_"),  std::string_view("AIza"), std::string_view("eyJ"),
                                     std::string_view("xoxb-"), std::string_view("AKIA"), std::string_view("rpa_")};
constexpr std::size_t prefixed_key_bytes_min = 8;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_letter_or_digit(char c) {
  return is_letter(c) || is_digit(c);
}
bool in_key(char c) {
  return is_letter_or_digit(c) || c == '_' || c == '-' || c == '+' || c == '=';
}
bool ends_secret(char c) {
  return c == ' ' || c == ',' || c == ';' || c == '"' || c == '\'' || c == '}' || c == ')' || c == '\n' || c == '&';
}

std::size_t run_of_key(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, in_key) - text.begin());
}

bool looks_like_a_key(std::string_view word) {
  for (const std::string_view prefix : key_prefixes) {
    if (word.starts_with(prefix) && word.size() >= prefixed_key_bytes_min) return true;
  }
  if (word.size() < key_bytes_min) return false;
  // Longest stretch without a dash: names of files and models have dashes and short pieces, keys do not.
  std::size_t longest = 0, here = 0;
  bool digit = false, letter = false;
  for (const char c : word) {
    here = c == '-' ? 0 : here + 1;
    longest = std::max(longest, here);
    digit |= is_digit(c);
    letter |= is_letter(c);
  }
  return digit && letter && longest >= key_bytes_min;
}

/// How many bytes from `at` on are a mark after which something secret stands; 0: none.
std::size_t secret_mark(std::string_view lower, std::size_t at) {
  if (at > 0 && is_letter_or_digit(lower[at - 1])) return 0;
  for (const std::string_view mark : secret_after) {
    if (!lower.substr(at).starts_with(mark)) continue;
    std::size_t end = at + mark.size();
    // "API key provided" says nothing secret; "api_key: x" does.
    bool said = mark.back() == ' ' || mark.back() == '=' || mark.back() == ':';
    for (; end < lower.size() && std::string_view(" =:\"'").find(lower[end]) != std::string_view::npos; ++end)
      said = said || lower[end] == '=' || lower[end] == ':';
    if (said && lower.substr(end).starts_with("bearer ")) end += 7;
    return said ? end - at : 0;
  }
  return 0;
}

/// The bytes of a long quotation that begins at the front of `text`, marks included; 0: none.
std::size_t long_quotation(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> marks = {{{"\"", "\""},
                                                                                   {"'", "'"},
                                                                                   {"`", "`"},
                                                                                   {"\xC2\xAB", "\xC2\xBB"},
                                                                                   {"\xE2\x80\x9C", "\xE2\x80\x9D"},
                                                                                   {"\xE2\x80\x9E", "\xE2\x80\x9C"}}};
  for (const auto& [open, close] : marks) {
    if (!text.starts_with(open)) continue;
    const std::size_t end = text.find(close, open.size());
    // A quotation without its end was cut by somebody: the rest is taken for it.
    const std::size_t size = end == std::string_view::npos ? text.size() : end + close.size();
    const bool quotes = open != "'" || end != std::string_view::npos;  // an apostrophe opens nothing
    return quotes && size > quoted_bytes_max ? size : 0;
  }
  return 0;
}

}  // namespace

std::string without_secrets(std::string_view message) {
  const std::string lower = folded(message);
  std::string out;
  for (std::size_t at = 0; at < message.size();) {
    if (const std::size_t quoted = long_quotation(message.substr(at))) {
      out += hidden;
      at += quoted;
    } else if (const std::size_t mark = secret_mark(lower, at)) {
      out += message.substr(at, mark);
      out += hidden;
      at += mark;
      while (at < message.size() && !ends_secret(message[at]))
        ++at;
    } else if (const std::size_t word = run_of_key(message.substr(at))) {
      const std::string_view text = message.substr(at, word);
      // Digits and dots may go on as a token of several parts.
      out += looks_like_a_key(text) ? hidden : text;
      at += word;
    } else if (message.substr(at).starts_with("://")) {
      // A user and a password in an address.
      const std::string_view rest = message.substr(at + 3);
      const std::size_t host = rest.substr(0, rest.find_first_of("/ \n")).rfind('@');
      out += "://";
      at += 3;
      if (host != std::string_view::npos) {
        out += hidden;
        at += host;
      }
    } else {
      out += message[at++];
    }
  }
  return out;
}

std::string redact(std::string_view message) {
  return std::string(cut_to_bytes(without_secrets(message), limits::error_text_bytes_max));
}

}  // namespace holdfast
