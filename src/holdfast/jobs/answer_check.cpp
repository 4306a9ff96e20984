#include "holdfast/jobs/answer_check.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "holdfast/gateway/gateway.hpp"
#include "holdfast/jobs/answer_schema.hpp"
#include "holdfast/jobs/template.hpp"
#include "holdfast/providers/text_artifact.hpp"

namespace holdfast::jobs {
namespace {

constexpr std::string_view blanks = " \t\r\n";
constexpr std::string_view fence = "```";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

[[noreturn]] void refuse(const std::string& why) {
  throw ProviderError(ProviderFault{.error_class = ErrorClass::protocol, .message = why});
}

std::string read(const std::filesystem::path& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (!error && size > expanded_bytes_max) {
    refuse(fmt::format("the answer has {} bytes; at most {} are checked by a schema", size, expanded_bytes_max));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (error || !file) refuse("the answer cannot be read back");
  return text;
}

}  // namespace

std::string_view without_fence(std::string_view text) {
  const std::string_view all = trimmed(text);
  const std::size_t first_line = all.find('\n');
  if (!all.starts_with(fence) || first_line == std::string_view::npos) return text;
  const std::string_view word = trimmed(all.substr(fence.size(), first_line - fence.size()));
  if (word.find_first_of("` \t") != std::string_view::npos || !all.ends_with(fence)) return text;
  const std::string_view inner = all.substr(first_line + 1, all.size() - fence.size() - first_line - 1);
  // The last one stands in a line of its own, and no other in between.
  const std::size_t last_line = inner.rfind('\n');
  const std::string_view before_last = last_line == std::string_view::npos ? inner : inner.substr(last_line + 1);
  if (!trimmed(before_last).empty() || inner.find("\n```") != std::string_view::npos || inner.starts_with(fence)) {
    return text;
  }
  return inner;
}

void check_answer(const std::string& schema, const std::filesystem::path& artifact) {
  const std::string text = read(artifact);
  const std::string_view answer = without_fence(text);
  if (const auto problem = answer_problem(schema, answer)) {
    const bool of_all = problem->starts_with("is ") || problem->starts_with("cannot ");
    refuse((of_all ? "the answer " : "the answer does not follow the schema: ") + *problem);
  }
  if (answer.size() != text.size()) providers::write_artifact(artifact, answer);
}

}  // namespace holdfast::jobs
