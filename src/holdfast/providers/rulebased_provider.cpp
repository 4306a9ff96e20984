#include <cerrno>
#include <cstring>
#include <fstream>

#include "holdfast/providers/builtin.hpp"
#include "holdfast/providers/rulebased/script_writer.hpp"

namespace holdfast::providers {
namespace {

class RuleBasedProvider final : public Provider {
 public:
  explicit RuleBasedProvider(ProviderInfo info) : info_(std::move(info)) {}

  const ProviderInfo& info() const override { return info_; }
  std::string protocol() const override { return "rulebased"; }
  std::vector<std::string> problems() const override { return {}; }
  SharedHeartbeat heartbeat() const override { return pushed_heartbeat(); }

  std::optional<std::string> prompt_problem(const std::string& prompt) const override {
    const auto script = rulebased::write_script(prompt);
    return script ? std::nullopt : std::optional(script.error().message);
  }

  void run(const StageCall& call, OperationContext& operation) const override {
    const auto script = rulebased::write_script(call.input, {}, [&](std::size_t done, std::size_t total) {
      if (operation.stop_token().stop_requested()) throw Error(Errc::cancelled, "the script writer was stopped");
      operation.progress().chunks(static_cast<std::int64_t>(done));
      operation.progress().message(std::to_string(done) + " of " + std::to_string(total) + " scenes");
    });
    if (!script) {
      throw ProviderError(ProviderFault{.error_class = ErrorClass::other,
                                        .code = std::string(name(script.error().code)),
                                        .message = script.error().message});
    }
    std::ofstream file(call.output, std::ios::binary | std::ios::trunc);
    file << *script << std::flush;
    if (!file) {
      throw ProviderError(
          ProviderFault{.error_class = ErrorClass::other,
                        .message = "cannot write '" + call.output.string() + "': " + std::strerror(errno)});
    }
  }

 private:
  const ProviderInfo info_;
};

}  // namespace

std::unique_ptr<Provider> rulebased_provider(ProviderInfo info) {
  return std::make_unique<RuleBasedProvider>(std::move(info));
}

}  // namespace holdfast::providers
