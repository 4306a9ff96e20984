#include "holdfast/control/page.hpp"

namespace holdfast::control {

Page::Page(const Call& call)
    : limit_(call.number("limit", page_entries_default, 1, page_entries_max)), after_(call.parameter("after")) {}

std::uint64_t Page::after_number() const {
  if (after_.empty()) return 0;
  const auto number = net::parse_length(after_);
  if (!number || *number == 0) throw bad_cursor();
  return *number;
}

Error Page::bad_cursor() const {
  return {Errc::invalid_argument,
          "parameter 'after' is no cursor of this list: give what `next` said, or leave it out"};
}

}  // namespace holdfast::control
