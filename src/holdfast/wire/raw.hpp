#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// JSON whose values stay the text that they were: a number that is passed on keeps its digits.
namespace holdfast::wire {

struct RawMember {
  std::string name{};
  std::string value{};  ///< JSON
};

/// An object, one level deep, in its order.
///
/// Limits: `parts_max` members.
class RawObject {
 public:
  /// Nothing: no JSON, no object, a member twice, or too many.
  static std::optional<RawObject> of(std::string_view text);

  /// The text of a value; empty: there is none of that name.
  std::string_view get(std::string_view name) const;
  /// As `get`, but null is none.
  std::string_view given(std::string_view name) const;
  /// What a string says; nothing: no string.
  std::optional<std::string> string(std::string_view name) const;
  /// A number from 0 to `parts_max`; nothing: something else.
  std::optional<std::size_t> index(std::string_view name) const;
  /// The first member that is not null and not one of these; empty: none.
  std::string_view other_than(std::initializer_list<std::string_view> names) const;

  void set(std::string_view name, std::string_view value);
  void set_string(std::string_view name, std::string_view text);
  void erase(std::string_view name);
  const std::vector<RawMember>& members() const { return members_; }
  std::string text() const;

 private:
  std::vector<RawMember> members_;
};

}  // namespace holdfast::wire
