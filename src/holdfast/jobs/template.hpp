#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/jobs/scope.hpp"

/// Texts with variables: `${inputs.article}`, `${stages.script.scenes.0.title}`, `${files.clips|file '%'}`.
///
/// Expanded once, from left to right: what a value brings in is never looked at again. `$$` is a dollar sign, and so is
/// a dollar sign before anything but `{` and `$`.
namespace holdfast {

/// What an expansion may grow to: a prompt of more is a mistake, and a variable written a thousand times multiplies.
inline constexpr std::size_t expanded_bytes_max = 64 * 1024 * 1024;
/// What Linux takes as one argument (MAX_ARG_STRLEN, its closing NUL taken off).
inline constexpr std::size_t argument_bytes_max = 128 * 1024 - 1;
/// Items of one `for_each`; each is an operation, an artifact and a line on the screen.
inline constexpr std::size_t items_max = 10'000;

/// One `${…}`.
struct Reference {
  enum class Kind : unsigned char { inputs, stages, files, item, index, job, stage, input, input_file, output };

  Kind kind = Kind::job;
  std::string rest;        ///< after the first dot: a name, a name and a path, a path; empty: nothing stood there
  std::string wrap;        ///< `files` only: what stands after `|`, with `%` for the path; empty: the path alone
  std::size_t offset = 0;  ///< of its `$` in the text

  bool operator==(const Reference&) const = default;
};

/// "inputs", "stages", …, as it stands in `${…}`.
std::string_view name(Reference::Kind kind) noexcept;
/// "${inputs.article}"
std::string text(const Reference& reference);

struct TemplateProblem {
  std::size_t offset = 0;  ///< of the `$` in the text
  std::string message;
};

/// A text, read for its variables.
class Template {
 public:
  Template() = default;
  /// What is wrong with it is added to `problems`, all of it; the wrong places are left out of the template.
  static Template parse(std::string_view text, std::vector<TemplateProblem>& problems);
  /// The same for a caller to whom the first problem is enough.
  static result<Template> parse(std::string_view text);
  /// A text without variables, dollar signs standing for themselves.
  static Template literal(std::string_view text);

  /// In order; neighbouring texts are one.
  const std::vector<std::variant<std::string, Reference>>& parts() const { return parts_; }
  std::vector<Reference> references() const;
  bool mentions(Reference::Kind kind) const;
  /// The variable that the text is, where it is nothing else.
  const Reference* only_reference() const;

  bool operator==(const Template&) const = default;

 private:
  void add(std::string_view text);

  std::vector<std::variant<std::string, Reference>> parts_;
};

/// The template as it was written, but for dollar signs that stand for themselves.
std::string text(const Template& source);

/// The text with its variables replaced. `${files.NAME}` with several files: one a line.
///
/// Failures: `invalid_argument` for a value that is not there, naming the variable and what there is instead;
/// `too_large` above `expanded_bytes_max`; whatever reading an artifact failed with.
result<std::string> expand(const Template& text, const Scope& scope);

/// The arguments of a command. An argument that is nothing but `${files.NAME}` becomes one for each file, none where
/// there are none; inside an argument it must be a single file. Fails as `expand` does, and on an argument longer than
/// `argument_bytes_max` or with a NUL in it.
result<std::vector<std::string>> expand_arguments(const std::vector<Template>& arguments, const Scope& scope);

/// What `for_each = "${…}"` runs over: the entries of a JSON list, or the paths of a stage's files. At most
/// `items_max`; none is no failure.
result<std::vector<boost::json::value>> expand_items(const Reference& reference, const Scope& scope);

}  // namespace holdfast
