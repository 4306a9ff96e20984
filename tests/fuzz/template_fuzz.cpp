#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "holdfast/jobs/output_names.hpp"
#include "holdfast/jobs/template.hpp"

namespace {

using Text = holdfast::result<std::string>;

holdfast::Scope scope_of(std::string_view json) {
  holdfast::Scope scope;
  scope.job = "job";
  scope.stage = "stage";
  scope.set_input("a", "${job}");
  const auto read = [text = std::string(json)](std::size_t) { return Text(boost::system::in_place_value, text); };
  scope.set_stage("s", {{"/o/it's"}, read, false, ""});
  scope.set_stage("e", {{"/o/1", "/o/2"}, read, true, "items"});
  scope.item = holdfast::ItemValues{{{"k", 1.5}}, 2, 10, "items"};
  scope.command = holdfast::CommandValues{"prompt", "/t/in", "/t/out"};
  return scope;
}

}  // namespace

/// The first line is a template, what follows is the JSON of its stages.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(all.find('\n'), all.size());
  const std::string_view text = all.substr(0, end);
  const holdfast::Scope scope = scope_of(all.substr(std::min(end + 1, all.size())));
  const auto read = holdfast::Template::parse(text);
  if (!read) return 0;
  (void)holdfast::expand_arguments({*read}, scope);
  if (const auto* only = read->only_reference()) (void)holdfast::expand_items(*only, scope);
  holdfast::OutputNames names;
  if (const auto outputs = holdfast::expand_outputs(*read, scope, names)) {
    if (holdfast::output_problem(outputs->front())) __builtin_trap();
  }
  const auto value = holdfast::expand(*read, scope);
  // Without a variable the text stays as it is, each pair of dollar signs made one.
  if (text.find('$') == std::string_view::npos && (!value || *value != text)) __builtin_trap();
  return 0;
}
