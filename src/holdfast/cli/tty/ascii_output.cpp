#include "holdfast/cli/tty/ascii_output.hpp"

#include <string>

#include "holdfast/cli/screen/display_text.hpp"

namespace holdfast::cli {

AsciiOutput::~AsciiOutput() {
  stream_.rdbuf(behind_);
}

AsciiOutput::int_type AsciiOutput::overflow(int_type character) {
  if (traits_type::eq_int_type(character, traits_type::eof())) return traits_type::not_eof(character);
  return behind_->sputc(traits_type::to_char_type(character));
}

std::streamsize AsciiOutput::xsputn(const char* text, std::streamsize count) {
  const std::string out = ascii_signs({text, static_cast<std::size_t>(count)});
  return behind_->sputn(out.data(), static_cast<std::streamsize>(out.size())) ==
                 static_cast<std::streamsize>(out.size())
             ? count
             : 0;
}

int AsciiOutput::sync() {
  return behind_->pubsync();
}

}  // namespace holdfast::cli
