#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/jobs/job_file.hpp"
#include "holdfast/jobs/output_names.hpp"
#include "holdfast/jobs/runner.hpp"

/// The part of checking a run that looks at its stages; `runner.cpp` alone uses it.
namespace holdfast::jobs {

/// "RuleBased, eSpeak, …"
std::string known_providers(const providers::Catalogue& catalogue);

/// Why the provider cannot do the stage's kind of work ("provider eSpeak serves speech, and not text"); absent: it can.
std::optional<std::string> kind_problem(const Stage& stage, const providers::Provider& provider);

/// The type that the lock of this provider names; empty: the mapping of the profiles decides.
std::string type_of(const Stage& stage, const std::string& provider, const providers::Catalogue& catalogue);

/// What can be known of a job's stages before anything runs, beside what its file says: whether those who are to serve
/// them are there and can, how often they run, and, as far as inputs decide it, what they are to make.
///
/// Nothing is started and nothing is written; programs and folders are looked for. Each problem has the line of the key
/// that is wrong, or the flag.
class RunCheck {
 public:
  RunCheck(const JobFile& job, const RunOptions& options, const providers::Catalogue& catalogue,
           const TimeoutProfiles& profiles, Problems& problems);

  /// `provider`: who serves it.
  void check(const Stage& stage, const std::string& provider);
  /// Names of artifacts, taken one after the other: all stages of a whole file, in its order.
  void check_outputs(const Stage& stage);

  /// Of a `for_each` over an input; nothing where only the run can tell. The variables of the inputs have values.
  std::optional<std::vector<boost::json::value>> items_of(const Stage& stage) const;

 private:
  void check_own_command(const Stage& stage);
  void check_provider(const Stage& stage, const std::string& provider, const providers::Provider& known);
  void check_type(const Stage& stage, const std::string& provider);
  /// Nothing where it says something that is only known later.
  std::optional<std::string> prompt_of(const Stage& stage) const;
  /// At the line of the key.
  void add(const Stage& stage, std::string_view key, const std::string& what);
  /// At what named the provider.
  void add_to_provider(const Stage& stage, const std::string& what);

  const RunOptions& options_;
  const providers::Catalogue& catalogue_;
  const TimeoutProfiles& profiles_;
  Problems& problems_;
  std::filesystem::path out_;
  Scope scope_{};
  OutputNames taken_{};
};

}  // namespace holdfast::jobs
