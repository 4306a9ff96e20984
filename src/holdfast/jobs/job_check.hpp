#pragma once

#include <map>
#include <string>
#include <vector>

#include "holdfast/jobs/job_file.hpp"
#include "holdfast/jobs/output_names.hpp"
#include "holdfast/toml/toml_reader.hpp"

/// The part of reading a job file that looks at its templates; `job_file.cpp` alone uses it.
namespace holdfast::detail {

/// What a template may speak of.
enum class Use : unsigned char { prompt, output, command, for_each };

/// Which names there are in the whole file, so that a reference to a later stage is told from a mistyped one.
struct Names {
  std::vector<std::string> stages;  ///< in order, in the case of the file; "" where one has no good name
  std::vector<StageKind> kinds;     ///< of `stages`
  std::vector<std::string> inputs;
};

/// Checks the references of one stage's templates.
class StageCheck {
 public:
  /// `position`: of the stage among `names.stages`. `reader` reports at the lines of its keys.
  StageCheck(const Names& names, std::size_t position, bool has_items, const std::string& where, Problems& problems)
      : names_(names), position_(position), has_items_(has_items), where_(where), problems_(problems) {}

  /// Reads a text and checks what it speaks of.
  Template read(const TomlValue& value, std::string_view key, Use use);
  Template read(std::string_view text, std::uint32_t line, std::string_view key, Use use);

  /// The position of the earlier stage that `rest` begins with; where there is none, what is wrong.
  result<std::size_t> earlier_stage(std::string_view rest, bool whole) const;

 private:
  std::optional<std::string> problem(const Reference& reference, Use use) const;
  std::optional<std::string> stage_problem(const Reference& reference, Use use) const;

  const Names& names_;
  std::size_t position_;
  bool has_items_;
  const std::string& where_;
  Problems& problems_;
};

/// Problems of outputs across stages: the same name twice, whether written so or by way of `${index}`.
void check_outputs(const std::vector<Stage>& stages, Problems& problems);

}  // namespace holdfast::detail
