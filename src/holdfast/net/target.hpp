#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/base/error.hpp"

/// The target of a request as text that can be compared. Pure.
///
/// Strict, because two readers that decode differently can be played against each other: a bad escape, a zero byte,
/// what is not UTF-8 and dot segments (escaped or not) are refused, never mended. Failures are
/// `Errc::invalid_argument`.
namespace holdfast::net {

/// `%41` → `A`. A plus stays a plus.
result<std::string> percent_decode(std::string_view text);
/// Everything but unreserved characters as `%XX`: fits as one segment of a path, and as a name or value of a query.
std::string percent_encode(std::string_view text);

/// `/jobs/a%2Fb/` → `jobs`, `a/b`, an empty one. The path must begin with a slash; `/` has one empty segment.
result<std::vector<std::string>> split_path(std::string_view path);

/// The parameters of a query, decoded, in their order.
class Query {
 public:
  void add(std::string name, std::string value) { parameters_.emplace_back(std::move(name), std::move(value)); }

  /// The first of that name, which compares exactly. Valid as long as the query.
  std::optional<std::string_view> find(std::string_view name) const;
  std::size_t count(std::string_view name) const;

  auto begin() const { return parameters_.begin(); }
  auto end() const { return parameters_.end(); }
  std::size_t size() const { return parameters_.size(); }

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
};

/// `a=1&b=x+y&c` → a: 1, b: x y, c: empty. Without the question mark. A parameter without a name is refused, an empty
/// one (`a=1&&b=2`) skipped.
result<Query> parse_query(std::string_view text);

/// A target without authority and fragment.
struct Target {
  std::string path = {};   ///< as it was sent, begins with a slash; `*` for OPTIONS only
  std::string query = {};  ///< as it was sent, without the question mark
};
/// `/path?query`, and `http://host/path?query` as it is sent to proxies.
result<Target> parse_target(std::string_view method, std::string_view target);

/// What may stand in `Host`: a name or address, and a port.
bool is_host(std::string_view text);
/// An address of the configuration as it stands in `Host`: `::1` → `[::1]`.
std::string as_host(std::string_view said);

}  // namespace holdfast::net
