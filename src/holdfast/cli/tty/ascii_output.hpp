#pragma once

#include <ostream>
#include <streambuf>

namespace holdfast::cli {

/// While it lives, typographic signs that go to `stream` leave it in ASCII: for a locale that is not UTF-8.
///
/// Threads: those of the stream. Limits: a character must be written whole, as everybody here writes texts.
class AsciiOutput : private std::streambuf {
 public:
  explicit AsciiOutput(std::ostream& stream) : stream_(stream), behind_(stream.rdbuf(this)) {}
  ~AsciiOutput() override;
  AsciiOutput(const AsciiOutput&) = delete;
  AsciiOutput& operator=(const AsciiOutput&) = delete;

 private:
  int_type overflow(int_type character) override;
  std::streamsize xsputn(const char* text, std::streamsize count) override;
  int sync() override;

  std::ostream& stream_;
  std::streambuf* behind_;
};

}  // namespace holdfast::cli
