#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// JSON as a stream of bytes: is it whole, is it JSON at all? Nothing of it is kept.
namespace holdfast::wire {

/// One JSON document as it passes.
///
/// Strict: UTF-8, no comments, nothing behind it but blanks. Limits: `json_depth_max`.
class Document {
 public:
  Document();
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  void feed(std::string_view bytes);
  /// No bytes follow: a number at the top is whole only now.
  void finish();

  bool whole() const;
  /// What has come is no JSON; whatever follows, it stays so.
  bool broken() const;
  /// Where and why it is broken, as the end of a sentence. Depends on how the bytes were cut.
  const std::string& problem() const;
  /// An object with a member `error` at its top that is not null.
  bool says_error() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// What is wrong with `text` as one whole JSON document, as the end of a sentence; nothing where it is one.
std::optional<std::string> json_problem(std::string_view text);

/// A member of an object, by its place in the text: the name with its quotes, and the value.
struct MemberPlace {
  std::size_t name = 0, name_end = 0, value = 0, value_end = 0;
};

/// Finds the members of an object at the top of a text, one by one and in order.
///
/// The text is JSON (`json_problem` said nothing). It outlives the walk.
class MemberWalk {
 public:
  explicit MemberWalk(std::string_view text);

  /// It is an object at all.
  bool is_object() const { return open_ != std::string_view::npos; }
  /// Where the object's brace stands.
  std::size_t open() const { return open_; }
  std::optional<MemberPlace> next();

 private:
  std::string_view text_;
  std::size_t open_ = std::string_view::npos;
  std::size_t at_ = 0;
};

/// The elements of the array that `text`, JSON already, is; nothing where it is none, or has more than `elements_max`.
std::optional<std::vector<std::string_view>> elements_of(std::string_view text, std::size_t elements_max);

/// A string token of a JSON text, quotes and escapes included, as the text it means.
std::string string_of_token(std::string_view token);
/// The other way round; `text` is UTF-8.
std::string token_of_string(std::string_view text);

}  // namespace holdfast::wire
