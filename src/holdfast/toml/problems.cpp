#include "holdfast/toml/problems.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "holdfast/base/name.hpp"
#include "holdfast/base/text.hpp"

namespace holdfast {
namespace {

/// A longer word is no typing error of a key, and the distance costs the product of both lengths.
constexpr std::size_t suggestion_bytes_max = 64;

/// Case, dashes and underscores are the commonest differences, and no difference here.
std::string loose(std::string_view word) {
  std::string out = folded(word);
  std::ranges::replace(out, '-', '_');
  return out;
}

}  // namespace

std::string Problem::text() const {
  if (file.empty()) return message;
  if (line == 0) return fmt::format("{}: {}", file, message);
  return fmt::format("{}:{}: {}", file, line, message);
}

void Problems::add(Problem problem) {
  const auto place = std::ranges::upper_bound(list_, problem.line, {}, &Problem::line);
  list_.insert(place, std::move(problem));
  if (list_.size() > problems_max) {
    list_.pop_back();
    ++left_out_;
  }
}

void Problems::add(const Problems& others) {
  for (const Problem& each : others.list_)
    add(each);
  left_out_ += others.left_out_;
}

std::string Problems::text() const {
  std::string out;
  for (const Problem& each : list_) {
    if (!out.empty()) out += '\n';
    out += each.text();
  }
  if (left_out_ > 0) out += fmt::format("\n{}: {} more problems below these", file_, left_out_);
  return out;
}

void throw_exception_from_error(const Problems& problems, const boost::source_location&) {
  throw Error(Errc::config, problems.text());
}

std::string shown(std::string_view text, std::size_t bytes_max) {
  const bool readable = is_utf8(text);
  const bool cut = text.size() > bytes_max;
  text = readable ? cut_to_bytes(text, bytes_max) : text.substr(0, bytes_max);
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (!readable && byte >= 0x80)) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return cut ? out + "…" : out;
}

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& known) {
  if (word.size() > suggestion_bytes_max) return {};
  const std::string wanted = loose(word);
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(1, std::min<std::size_t>(3, word.size() / 3)) + 1;
  for (const std::string_view each : known) {
    if (each.size() > suggestion_bytes_max) continue;
    const std::size_t d = edit_distance(wanted, loose(each));
    if (d < best_distance) {
      best = each;
      best_distance = d;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& known) {
  const std::string_view best = nearest(word, known);
  return best.empty() ? std::string() : fmt::format("; did you mean '{}'?", best);
}

}  // namespace holdfast
