#pragma once

#include <optional>
#include <string>

#include "holdfast/gateway/operation_context.hpp"
#include "holdfast/providers/asking/exchange.hpp"
#include "holdfast/wire/answer.hpp"

namespace holdfast::providers {

/// Whom messages speak of.
struct LlmName {
  std::string provider{}, address{}, model{};
};

/// One answer on its way: reports what comes as progress, keeps the text, and says at the end what was wrong.
///
/// Threads: that of `exchange`. Lifetime: the operation outlives it.
class LlmAnswer final : public AnswerListener {
 public:
  LlmAnswer(const wire::Route& route, LlmName name, OperationContext& operation)
      : route_(route), name_(std::move(name)), operation_(operation) {}

  void connected() override;
  void head(const net::ResponseHead& head) override;
  bool bytes(std::string_view bytes) override;

  /// To be called once, when the call has ended: the hard error, or nothing where the text is whole.
  std::optional<ProviderFault> verdict(const CallEnd& end);
  const std::string& text() const { return text_; }
  int status() const { return head_.status; }
  /// Of an answer 429 or 503.
  std::optional<std::string> retry_after() const;

 private:
  bool good() const { return head_.status / 100 == 2; }
  void report();
  ProviderFault fault_of(const CallEnd& end) const;
  std::optional<ProviderFault> fault_of_whole_answer() const;

  const wire::Route route_;
  const LlmName name_;
  OperationContext& operation_;
  net::ResponseHead head_{.status = 0};
  std::optional<wire::AnswerReader> reader_{};
  std::optional<ProviderFault> refused_{};  ///< why no more of the answer was wanted
  std::string text_{}, error_body_{};
  bool whole_ = false;  ///< one document, not a stream
  std::int64_t reported_ = 0;
  std::optional<double> percent_{};
};

}  // namespace holdfast::providers
