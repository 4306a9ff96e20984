#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "holdfast/gateway/operation_context.hpp"
#include "holdfast/proxy/answer_stream.hpp"
#include "holdfast/proxy/provider_call.hpp"

namespace holdfast::proxy {

/// One operation's bytes: asks the provider, and passes its answer on while it comes.
///
/// Threads: the executor's one. Errors: `run` throws `ProviderError` for a hard error, when the client has been told
/// what the dialect can tell. After a stop it throws whatever: the gateway says what ended the operation.
class Relay {
 public:
  /// Whether the client wants to hear it to the end, and what to do when it leaves.
  struct Listener {
    AnswerStream& answer;
    /// Asked where the client has gone: stops the operation, unless the answer outlives its client.
    std::function<void()> left;
  };

  Relay(net::Executor executor, const wire::Route& route, const ProviderOptions& provider, net::Pool& pool,
        Listener listener, net::Fields own_fields)
      : executor_(std::move(executor)),
        route_(route),
        provider_(provider),
        call_(std::make_shared<ProviderCall>(executor_, pool, provider.name)),
        listener_(listener),
        own_fields_(std::move(own_fields)) {}

  net::awaitable<void> run(OperationContext& operation, Outgoing& outgoing);
  const RelayFacts& facts() const { return facts_; }
  /// Whose server the provider said that it is; nothing: it has not answered.
  const std::optional<wire::Server>& server() const { return server_; }
  std::chrono::steady_clock::time_point sent_at() const { return call_->sent_at(); }

 private:
  net::Fields answer_fields(const net::ResponseHead& head, bool keeps_length) const;
  net::awaitable<void> pass_error(net::ResponseHead head);
  net::awaitable<void> pass_answer(OperationContext& operation, net::ResponseHead head);
  net::awaitable<void> pass_assembled(OperationContext& operation, net::ResponseHead head, wire::Framing framing);
  net::awaitable<void> pass_bytes(std::string_view bytes, const ProgressReporter& progress);
  net::awaitable<void> begin(net::ResponseHead head, wire::Framing framing, std::string_view first);
  net::awaitable<void> left();
  void report(const ProgressReporter& progress, const wire::AnswerReader& reader);
  [[noreturn]] void fail(ProviderFault fault);
  net::awaitable<void> fail_in_the_middle(ProviderFault fault);

  net::Executor executor_;
  wire::Route route_;
  const ProviderOptions& provider_;
  std::shared_ptr<ProviderCall> call_;
  Listener listener_;
  net::Fields own_fields_;
  RelayFacts facts_{};
  std::optional<wire::Server> server_;
  std::chrono::steady_clock::time_point last_progress_{};
  std::int64_t seen_ = 0;
};

}  // namespace holdfast::proxy
