#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/jobs/template.hpp"

namespace holdfast {

/// What the file systems of Linux allow for a whole name below the folder of a job, and for one part of it.
inline constexpr std::size_t output_bytes_max = 1024;
inline constexpr std::size_t output_part_bytes_max = 255;

/// What is wrong with the name of an artifact, as the end of a sentence; nothing where it stays inside the folder of
/// the job: relative, no `..`, not below `.holdfast`, no control characters.
std::optional<std::string> output_problem(std::string_view output);

/// The names of the artifacts of one job, each taken once.
class OutputNames {
 public:
  /// What is in the way, as the end of a sentence: another stage's or item's artifact of the same name, or one that
  /// would have to be a folder and a file at once. Nothing: it is taken now. `output` has no `output_problem`.
  std::optional<std::string> take(std::string_view owner, std::string_view output);

 private:
  std::map<std::string, std::string> owner_of_;   ///< by normalised name
  std::map<std::string, std::string> folder_of_;  ///< every folder above one, and whose it is
};

/// The names of a stage's artifacts: one, or one for each item. `scope.item` is set for each in turn; `source` is the
/// stage's `item_source`. Failures: as `expand`, an `output_problem`, a name that is taken (by another item too), each
/// naming the stage and the item.
result<std::vector<std::string>> expand_outputs(const Template& output, Scope scope, OutputNames& taken);
result<std::vector<std::string>> expand_outputs(const Template& output, Scope scope,
                                                const std::vector<boost::json::value>& items, std::string_view source,
                                                OutputNames& taken);

}  // namespace holdfast
