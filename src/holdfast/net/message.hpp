#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/net/fault.hpp"

namespace holdfast::net {

/// One line of a head.
struct Field {
  std::string name;
  std::string value;

  bool operator==(const Field&) const = default;
};

/// The fields of a head, in their order. Names compare without regard to ASCII case and keep the case they came in.
class Fields {
 public:
  Fields() = default;
  Fields(std::initializer_list<Field> fields) : fields_(fields) {}

  void add(std::string_view name, std::string_view value);
  /// In place of all of that name.
  void set(std::string_view name, std::string_view value);
  /// How many there were.
  std::size_t remove(std::string_view name);

  /// The first of that name. Valid until the fields change.
  std::optional<std::string_view> find(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  /// Whether a comma-separated list (`Connection`, `Accept-Encoding`) names `token`, in any of the fields of that name.
  bool lists(std::string_view name, std::string_view token) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  bool operator==(const Fields&) const = default;

 private:
  std::vector<Field> fields_;
};

struct RequestHead {
  std::string method = "GET";
  std::string target = "/";
  /// 1 for HTTP/1.1. Heads are always sent as HTTP/1.1.
  int minor_version = 1;
  Fields fields = {};
};

struct ResponseHead {
  int status = 200;
  std::string reason = {};
  int minor_version = 1;
  Fields fields = {};
};

/// A piece of a body: bytes, an error, or neither, which is the end.
struct Piece {
  error_code error = {};
  /// Valid until the next read.
  std::string_view bytes = {};

  bool is_end() const { return !error && bytes.empty(); }
};

/// A body read whole, or why not.
struct Body {
  error_code error = {};
  std::string bytes = {};
};

/// A string that is gone when the awaitable that was made with it is awaited: `auto writing = r.write(text());`.
template <class T>
concept PassingString = std::same_as<T, std::string>;

/// ASCII only, as HTTP compares.
bool same_word(std::string_view a, std::string_view b) noexcept;
/// A method or the name of a field.
bool is_token(std::string_view text) noexcept;
/// No control characters but the tab: what cannot end a line cannot add one.
bool is_field_value(std::string_view text) noexcept;
/// Exactly digits that fit, as a length must be written.
std::optional<std::uint64_t> parse_length(std::string_view text) noexcept;
/// "Not Found"; "Status" for numbers that have no name.
std::string_view reason_phrase(int status) noexcept;

/// The head as bytes, with its empty line. `Fault::malformed` where a method, target or field cannot be written down
/// without becoming something else (a line end in a value).
boost::system::result<std::string, error_code> format_head(const RequestHead& head);
boost::system::result<std::string, error_code> format_head(const ResponseHead& head);
/// The line in front of a chunk.
std::string format_chunk_line(std::size_t bytes);

inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace holdfast::net
