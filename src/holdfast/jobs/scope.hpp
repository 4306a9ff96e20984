#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/base/name.hpp"

namespace holdfast {

/// What an earlier stage left behind.
struct StageOutput {
  std::vector<std::string> files;  ///< paths of the artifacts, in the order of the items
  /// The text of `files[i]`, called once for each that a variable asks for.
  std::function<result<std::string>(std::size_t i)> read;
  bool each = false;        ///< by a `for_each`: several, even where it is only one
  std::string item_source;  ///< `Stage::item_source`
};

/// What only a command knows.
struct CommandValues {
  std::string input;       ///< the prompt
  std::string input_file;  ///< a file that holds it
  std::string output;      ///< the file to write
};

/// One pass of a `for_each`.
struct ItemValues {
  boost::json::value value;
  std::size_t index = 0;  ///< from 1
  std::size_t count = 0;  ///< of all items; gives `${index}` its width
  std::string source;     ///< `Stage::item_source` of the stage that runs
};

/// The values of template variables.
///
/// Texts of stages are read and parsed as JSON when a variable first asks for them, and then kept; copies share what
/// was kept. Threads: one at a time for a scope and all of its copies, so expand the items before giving them away.
class Scope {
 public:
  std::string job;    ///< the id of the job
  std::string stage;  ///< the name of the stage that runs
  std::optional<ItemValues> item;
  std::optional<CommandValues> command;

  void set_input(std::string name, std::string value) { inputs_[std::move(name)] = std::move(value); }
  void set_stage(std::string name, StageOutput output);

  result<std::string> input(std::string_view name) const;
  /// `rest` is NAME or NAME.path.to.value: a text as it is, a string of JSON without its quotes, other JSON compact.
  result<std::string> stage_value(std::string_view rest) const;
  result<boost::json::value> stage_json(std::string_view rest) const;
  /// The file of the same item in a `for_each` over the same items, else all of them.
  result<std::vector<std::string>> files(std::string_view name) const;
  /// `path` empty: the item itself.
  result<std::string> item_value(std::string_view path) const;
  /// "07" for the seventh of ten.
  result<std::string> index() const;

 private:
  struct Kept {
    StageOutput output;
    std::vector<std::optional<std::string>> texts;
    std::vector<std::optional<boost::json::value>> parsed;
    std::optional<boost::json::value> all;
  };
  using Stages = std::map<std::string, std::shared_ptr<Kept>, NameLess>;

  result<Stages::const_iterator> find(std::string_view name) const;
  /// The index of the same item, in a `for_each` over the same items.
  std::optional<std::size_t> same_item(const Kept& kept) const;
  result<std::string> whole_text(Stages::const_iterator stage) const;
  static result<const std::string*> text_of(Stages::const_iterator stage, std::size_t i);
  static result<const boost::json::value*> json_of(Stages::const_iterator stage, std::size_t i);
  /// The JSON that a path of this stage leads into: of the one file, of the same item, or the list of all.
  result<const boost::json::value*> root_of(Stages::const_iterator stage) const;
  result<std::pair<Stages::const_iterator, std::string_view>> stage_and_path(std::string_view rest) const;

  std::map<std::string, std::string, std::less<>> inputs_;
  Stages stages_;
};

/// Names may hold dots, and a path follows the name after one: the longest beginning of `rest`, up to a dot or its
/// end, that `known` says yes to; nothing where none is known.
std::optional<std::string_view> longest_name(std::string_view rest, const std::function<bool(std::string_view)>& known);

/// A string without its quotes, anything else as JSON without blanks; numbers as short as they can be read back.
std::string inserted(const boost::json::value& value);

/// JSON of one artifact. Failure `invalid_argument`: "is not JSON: WHAT in line N".
result<boost::json::value> parse_json(std::string_view text);

/// The value at a path of keys and list positions (from 0) such as `scenes.0.title`. Failure `invalid_argument`: how
/// far the path leads, and what is there. `root` outlives what is returned.
result<const boost::json::value*> at_path(const boost::json::value& root, std::string_view path);

}  // namespace holdfast
