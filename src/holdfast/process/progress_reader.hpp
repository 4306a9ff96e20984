#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <string_view>
#include <variant>

#include "holdfast/base/error.hpp"
#include "holdfast/base/instant.hpp"

namespace holdfast::process {

/// What of a line is looked at. Lines that tell progress are shorter than a screen is wide; a program that never ends
/// its line must not grow memory, and a pattern's work grows with the square of the length.
inline constexpr std::size_t progress_line_bytes_max = 1024;
/// A pattern finds one number in one line.
inline constexpr std::size_t progress_pattern_bytes_max = 256;

/// How far a child is, as far as it let us know. Totals since its start, not increments; absent: not known.
struct ChildProgress {
  std::optional<std::int64_t> bytes{};
  std::optional<std::int64_t> lines{};
  std::optional<double> percent{};  ///< 0 to 100; the newest that was said, lower than before included
  std::optional<milliseconds> remaining{};
  std::optional<milliseconds> media_time{};  ///< how much sound or picture was made (`ffmpeg`)
  bool alive_only = false;                   ///< a sign of life: no count grew, no percent rose above the highest

  bool operator==(const ChildProgress&) const = default;
};

/// What counts as progress of a child. Made by `parse_progress_kind`.
struct ProgressKind {
  enum class What : unsigned char {
    output_bytes,   ///< bytes on stdout, or the growth of a watched file; stderr is a sign of life
    lines,          ///< line feeds on stdout and stderr together
    percent_regex,  ///< the first group of a pattern, in a line of stdout or stderr (ended by \n or \r), is 0 to 100
    ffmpeg,         ///< blocks of `-progress pipe:1` (or pipe:2)
  };
  What what = What::output_bytes;
  std::shared_ptr<const std::regex> regex{};  ///< of `percent_regex`, else null

  bool operator==(const ProgressKind&) const = default;
};

/// "output-bytes" (also where empty), "lines", "percent-regex:PATTERN", "ffmpeg". The pattern is ECMAScript's without
/// back-references, matched in polynomial time whatever it is. Errors: config, with what would be right.
result<ProgressKind> parse_progress_kind(std::string_view text);

enum class Stream : unsigned char { out, err };

/// Cuts a stream into lines at \n and \r, in bounded memory. Of a line above `progress_line_bytes_max` the beginning.
class LineSplitter {
 public:
  /// Calls `on_line(std::string_view)` for each line that ended and is not empty.
  template <class OnLine>
  void feed(std::string_view bytes, OnLine&& on_line) {
    while (!bytes.empty()) {
      const auto end = bytes.find_first_of("\r\n");
      line_ += bytes.substr(0, end).substr(0, progress_line_bytes_max - line_.size());
      if (end == std::string_view::npos) return;
      if (!line_.empty()) on_line(std::string_view(line_));
      line_.clear();
      bytes.remove_prefix(end + 1);
    }
  }

 private:
  std::string line_;
};

/// The readers, one for each kind. Pure: bytes in, however they were cut; what is known so far out.
class ByteReader {
 public:
  /// Where a file is watched, its growth counts and stdout is a sign of life.
  explicit ByteReader(bool watches_file) : watches_file_(watches_file) {}
  ChildProgress feed(std::string_view bytes, Stream from);
  /// The watched file as it is now; the first time, as it was before the child. Growth from one look to the next adds
  /// up, so that a file that was there already, or that is begun again, misleads nobody. Nothing where it did not grow:
  /// no sign of life either.
  std::optional<ChildProgress> file_size(std::int64_t bytes);

 private:
  bool watches_file_;
  std::int64_t total_ = 0;
  std::optional<std::int64_t> last_size_;
};

class LineReader {
 public:
  ChildProgress feed(std::string_view bytes, Stream from);

 private:
  std::int64_t lines_ = 0;
};

class PercentReader {
 public:
  explicit PercentReader(std::shared_ptr<const std::regex> regex) : regex_(std::move(regex)) {}
  ChildProgress feed(std::string_view bytes, Stream from);

 private:
  std::optional<double> percent_of(std::string_view line) const;

  std::shared_ptr<const std::regex> regex_;
  std::array<LineSplitter, 2> lines_;
  std::optional<double> newest_;
  double highest_ = 0;  ///< the first percent above 0 is progress, a first 0 is not
};

class FfmpegReader {
 public:
  /// `duration` of what is being made: without it there is no percent.
  explicit FfmpegReader(std::optional<milliseconds> duration);
  /// `bytes` are `total_size`; where FFmpeg does not know it (no file, or one it cannot ask) and no duration was given,
  /// the microseconds of media stand in, a count that grows with the work.
  ChildProgress feed(std::string_view bytes, Stream from);

 private:
  struct Block {
    std::optional<std::int64_t> time_us{}, total_bytes{};
    std::optional<double> speed{};
  };
  void take_line(std::string_view line);
  void take_block();

  std::optional<milliseconds> duration_;
  std::array<LineSplitter, 2> lines_;
  Block block_;
  std::int64_t time_us_max_ = 0, total_bytes_max_ = 0;
  ChildProgress known_;
  bool grew_ = false;
};

/// Turns what a child writes into progress, by one of the kinds.
///
/// Threads: one at a time. Time: none. Limits: one line's beginning is kept for each stream.
class ProgressReader {
 public:
  struct Options {
    bool watches_file = false;
    std::optional<milliseconds> media_duration{};
  };
  ProgressReader(const ProgressKind& kind, const Options& options);

  /// Of any bytes at all something comes back, a sign of life at least.
  ChildProgress feed(std::string_view bytes, Stream from = Stream::out);
  /// See `ByteReader`; the other kinds do not care.
  std::optional<ChildProgress> file_size(std::int64_t bytes);

 private:
  using Reader = std::variant<ByteReader, LineReader, PercentReader, FfmpegReader>;
  static Reader reader_of(const ProgressKind& kind, const Options& options);
  Reader reader_;
};

}  // namespace holdfast::process
