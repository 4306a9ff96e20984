#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "holdfast/proxy/answer_stream.hpp"
#include "holdfast/proxy/provider_call.hpp"
#include "holdfast/proxy/proxy_internal.hpp"
#include "holdfast/proxy/relay.hpp"
#include "holdfast/wire/request.hpp"

namespace holdfast::proxy {

/// One request of a client, from its head to the end of its answer. One coroutine, top to bottom:
///
///     whom is it for -> who serves it -> read it -> lock (a job's first) -> operation: relay -> answered
///                                                              ^                    |
///                                                              '--- switched, and nothing delivered yet
///
/// A request that repeats one whose client has gone follows that one's answer instead (`Joins`).
///
/// Threads: the executor's one. Lifetime: the handler's.
class Session {
 public:
  Session(Proxy::Impl& proxy, net::Request& request, net::Response& response);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  net::awaitable<void> run();

 private:
  /// How one round ended: answered for good, or to be run again where a decision has moved it.
  enum class Round : unsigned char { over, again };

  net::awaitable<bool> prepare();
  net::awaitable<bool> read_request();
  net::awaitable<bool> choose();
  net::awaitable<bool> lock();
  net::awaitable<Round> serve();
  net::awaitable<Round> after_switch(std::string operation);
  result<const ProviderOptions*> provider_for(const std::optional<GoverningLock>& governing) const;
  result<Outgoing> outgoing() const;
  bool streams_to_provider(std::string_view body) const;
  bool is_meant_for(const ProviderOptions& provider) const;
  OperationRequest operation_request() const;
  /// `operation`: null while it is not known yet.
  net::Fields own_fields(const OperationContext* operation) const;
  net::awaitable<bool> refuse(Failure why);
  net::awaitable<void> call();
  net::awaitable<void> follow(std::shared_ptr<Recording> recording);
  net::awaitable<void> pass_on(Recording::News news, wire::AnswerReader& reader);
  bool may_be_repeated() const;
  Repeated repeated() const;
  void watch_client();
  void own_client_left();
  void client_left(bool timed_out);
  bool has_timed_out() const;
  void tell_end(const Relay& relay) const;

  Proxy::Impl& proxy_;
  std::shared_ptr<Table> table_;               ///< as it was when the request began, or when it was switched last
  std::shared_ptr<const net::Access> access_;  ///< as it was when the request began
  net::Request& request_;
  net::Response& response_;
  const net::TimePoint began_ = std::chrono::steady_clock::now();
  std::optional<net::TimePoint> arrived_ = began_;  ///< nothing once it was switched
  Address address_;
  wire::RequestFacts asked_;
  std::shared_ptr<const std::string> body_ = std::make_shared<const std::string>();
  bool body_streams_ = false;  ///< passed on while it comes: it can be sent once
  bool moved_ = false;         ///< by a decision, from the provider that the client's model name and key were meant for
  std::optional<std::pair<std::string, net::Origin>> meant_for_;  ///< name and address; nothing where it was moved
  const ProviderOptions* provider_ = nullptr;
  std::stop_source leaving_;  ///< the client is gone: what runs for it ends, queued or begun
  std::optional<AnswerStream> answer_;
  std::shared_ptr<Recording> recording_;  ///< null: this request cannot be repeated
  std::optional<net::Deadline> return_;   ///< of the client, while the operation goes on without it
  bool own_client_gone_ = false;
  std::shared_ptr<const char> here_ = std::make_shared<const char>();  ///< for what is posted from other threads
};

}  // namespace holdfast::proxy
