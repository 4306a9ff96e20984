#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/api/json.hpp"
#include "holdfast/control/routes.hpp"

namespace holdfast::control {

/// The page of a list that a request asks for: at most `limit` entries behind the one that `after` names.
///
/// All lists that can grow go on in this one way: `next` is the `after` of the next page, and null on the last one. A
/// list in the order of its ids goes on behind an id. One that only grows at its end goes on behind the number of an
/// entry, counted from 1. Either way no entry that is there all the while is missed or comes twice.
/// Errors: `Error` invalid_argument names the parameter. Limits: `page_entries_max`.
class Page {
 public:
  explicit Page(const Call& call);

  /// The cursor: empty, and as a number 0, at the beginning of the list.
  const std::string& after() const { return after_; }
  std::uint64_t after_number() const;
  /// One more than the page holds: it says whether there is a next page.
  std::size_t entries_to_read() const { return limit_ + 1; }
  /// What is said of a cursor that this list never gave.
  Error bad_cursor() const;

  /// `entries` begin behind `after`, and may be more than the page holds. `cursor_of` an entry is what `after` names.
  template <class T, class Cursor, class ToJson>
  Reply reply(std::string_view name, const std::vector<T>& entries, Cursor cursor_of, ToJson to_json) const {
    const std::size_t count = std::min(limit_, entries.size());
    boost::json::array shown;
    for (std::size_t i = 0; i < count; ++i)
      shown.emplace_back(to_json(entries[i]));
    boost::json::object out = api::listing(name, std::move(shown));
    if (count < entries.size()) out["next"] = api::words(cursor_of(entries[count - 1]));
    return json_reply(std::move(out));
  }

  /// The same of a list that grows at its end: `all` of it, and its page is cut out of it.
  template <class T, class ToJson>
  Reply reply_numbered(std::string_view name, const std::vector<T>& all, ToJson to_json) const {
    const std::uint64_t begin = after_number();
    if (begin > all.size()) throw bad_cursor();
    const std::vector<T> rest(all.begin() + static_cast<std::ptrdiff_t>(begin), all.end());
    const std::string last = std::to_string(begin + limit_);
    return reply(name, rest, [&last](const T&) { return last; }, to_json);
  }

 private:
  std::size_t limit_;
  std::string after_;
};

}  // namespace holdfast::control
