#include "holdfast/process/progress_reader.hpp"

#include <algorithm>
#include <charconv>

#include "holdfast/base/check.hpp"
#include "holdfast/process/plain_text.hpp"

namespace holdfast::process {
namespace {

constexpr std::string_view percent_prefix = "percent-regex:";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
    text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
    text.remove_suffix(1);
  return text;
}

/// The whole of `text` as a number; nothing where it is another thing ("N/A").
template <class Number>
std::optional<Number> number(std::string_view text) {
  text = trimmed(text);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::int64_t> count(std::string_view text) {
  const auto value = number<std::int64_t>(text);
  // Before the first packet FFmpeg says the most negative number there is.
  return value && *value >= 0 ? value : std::nullopt;
}

Failure config_failure(const std::string& what) {
  return {Errc::config, "progress " + what};
}

result<ProgressKind> percent_kind(std::string_view pattern) {
  if (pattern.empty()) {
    return config_failure("'percent-regex:' needs a pattern behind the colon, such as 'percent-regex:([0-9.]+)%'");
  }
  if (pattern.size() > progress_pattern_bytes_max) {
    return config_failure("has a pattern of " + std::to_string(pattern.size()) + " bytes; " +
                          std::to_string(progress_pattern_bytes_max) + " are allowed");
  }
  const std::string shown = "has the pattern '" + plain_text(pattern) + "', ";
  try {
    // libstdc++'s own flag for its second engine, which walks all alternatives at once: "(a+)+b" costs the other one
    // time that doubles with each character, and a stack that grows with them.
    constexpr auto syntax = std::regex::ECMAScript | std::regex_constants::__polynomial;
    auto regex = std::make_shared<const std::regex>(pattern.begin(), pattern.end(), syntax);
    if (regex->mark_count() < 1) {
      return config_failure(shown + "which needs one group around the number, such as '([0-9.]+)%'");
    }
    return ProgressKind{ProgressKind::What::percent_regex, std::move(regex)};
  } catch (const std::regex_error& error) {
    if (error.code() == std::regex_constants::error_complexity) {
      return config_failure(shown + "which has a back-reference; those are not supported");
    }
    return config_failure(shown + "which is no regular expression: " + error.what());
  }
}

}  // namespace

result<ProgressKind> parse_progress_kind(std::string_view text) {
  using What = ProgressKind::What;
  if (text.empty() || text == "output-bytes") return ProgressKind{What::output_bytes};
  if (text == "lines") return ProgressKind{What::lines};
  if (text == "ffmpeg") return ProgressKind{What::ffmpeg};
  if (text.starts_with(percent_prefix)) return percent_kind(text.substr(percent_prefix.size()));
  return config_failure("is '" + end_of(plain_text(text), progress_pattern_bytes_max) +
                        "'; it must be output-bytes, lines, ffmpeg or percent-regex:PATTERN");
}

ChildProgress ByteReader::feed(std::string_view bytes, Stream from) {
  const bool counts = !watches_file_ && from == Stream::out && !bytes.empty();
  if (counts) total_ += static_cast<std::int64_t>(bytes.size());
  return {.bytes = total_, .alive_only = !counts};
}

std::optional<ChildProgress> ByteReader::file_size(std::int64_t bytes) {
  const std::int64_t growth = bytes - last_size_.value_or(bytes);
  last_size_ = bytes;
  if (!watches_file_ || growth <= 0) return std::nullopt;
  total_ += growth;
  return ChildProgress{.bytes = total_};
}

ChildProgress LineReader::feed(std::string_view bytes, Stream) {
  const auto ended = std::count(bytes.begin(), bytes.end(), '\n');
  lines_ += ended;
  return {.lines = lines_, .alive_only = ended == 0};
}

std::optional<double> PercentReader::percent_of(std::string_view line) const {
  // Most lines of most programs hold no number: looking costs a thousandth of matching.
  if (line.find_first_of("0123456789") == std::string_view::npos) return std::nullopt;
  std::cmatch match;
  if (!std::regex_search(line.data(), line.data() + line.size(), match, *regex_)) return std::nullopt;
  const auto percent = number<double>({match[1].first, static_cast<std::size_t>(match[1].length())});
  if (!percent || !(*percent >= 0 && *percent <= 100)) return std::nullopt;
  return percent;
}

ChildProgress PercentReader::feed(std::string_view bytes, Stream from) {
  bool rose = false;
  lines_[static_cast<std::size_t>(from)].feed(bytes, [&](std::string_view line) {
    const auto percent = percent_of(line);
    if (!percent) return;
    newest_ = percent;
    rose = rose || *percent > highest_;
    highest_ = std::max(highest_, *percent);
  });
  return {.percent = newest_, .alive_only = !rose};
}

FfmpegReader::FfmpegReader(std::optional<milliseconds> duration)
    : duration_(duration && duration->count() > 0 ? duration : std::nullopt) {}

ChildProgress FfmpegReader::feed(std::string_view bytes, Stream from) {
  grew_ = false;
  lines_[static_cast<std::size_t>(from)].feed(bytes, [this](std::string_view line) { take_line(line); });
  ChildProgress out = known_;
  out.alive_only = !grew_;
  return out;
}

void FfmpegReader::take_line(std::string_view line) {
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) return;
  const std::string_view key = line.substr(0, equals);
  std::string_view value = trimmed(line.substr(equals + 1));
  if (key == "out_time_us") {
    block_.time_us = count(value);
  } else if (key == "out_time_ms") {
    // Microseconds too, in spite of its name; all that FFmpeg before 4.0 says.
    if (!block_.time_us) block_.time_us = count(value);
  } else if (key == "total_size") {
    block_.total_bytes = count(value);
  } else if (key == "speed") {
    if (value.ends_with('x')) value.remove_suffix(1);
    block_.speed = number<double>(value);
  } else if (key == "progress") {
    if (value == "continue" || value == "end") take_block();
    block_ = {};
  }
}

void FfmpegReader::take_block() {
  using std::chrono::microseconds;
  if (block_.total_bytes) {
    grew_ = grew_ || *block_.total_bytes > total_bytes_max_;
    total_bytes_max_ = std::max(total_bytes_max_, *block_.total_bytes);
    known_.bytes = total_bytes_max_;
  }
  if (!block_.time_us) return;
  grew_ = grew_ || *block_.time_us > time_us_max_;
  time_us_max_ = std::max(time_us_max_, *block_.time_us);
  known_.media_time = std::chrono::floor<milliseconds>(microseconds(time_us_max_));
  if (!duration_) {
    if (!block_.total_bytes) known_.bytes = std::max(known_.bytes.value_or(0), time_us_max_);
    return;
  }
  const double total_us = 1000.0 * static_cast<double>(duration_->count());
  const double made_us = std::min(static_cast<double>(time_us_max_), total_us);
  known_.percent = 100 * made_us / total_us;
  known_.remaining = std::nullopt;
  if (block_.speed && *block_.speed > 0) {
    // A century at most: a speed near nothing would not fit into the milliseconds.
    constexpr double remaining_ms_max = 100.0 * 365 * 24 * 3600 * 1000;
    const double left_ms = std::min((total_us - made_us) / *block_.speed / 1000, remaining_ms_max);
    known_.remaining = milliseconds(static_cast<std::int64_t>(left_ms));
  }
}

ProgressReader::Reader ProgressReader::reader_of(const ProgressKind& kind, const Options& options) {
  switch (kind.what) {
    case ProgressKind::What::output_bytes:
      return ByteReader(options.watches_file);
    case ProgressKind::What::lines:
      return LineReader();
    case ProgressKind::What::percent_regex:
      HOLDFAST_CHECK(kind.regex != nullptr, "parse_progress_kind compiles the pattern");
      return PercentReader(kind.regex);
    case ProgressKind::What::ffmpeg:
      return FfmpegReader(options.media_duration);
  }
  __builtin_unreachable();
}

ProgressReader::ProgressReader(const ProgressKind& kind, const Options& options) : reader_(reader_of(kind, options)) {}

ChildProgress ProgressReader::feed(std::string_view bytes, Stream from) {
  return std::visit([&](auto& reader) { return reader.feed(bytes, from); }, reader_);
}

std::optional<ChildProgress> ProgressReader::file_size(std::int64_t bytes) {
  auto* reader = std::get_if<ByteReader>(&reader_);
  return reader ? reader->file_size(bytes) : std::nullopt;
}

}  // namespace holdfast::process
