#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "holdfast/core/words.hpp"
#include "holdfast/net/pool.hpp"
#include "holdfast/net/signal.hpp"
#include "holdfast/proxy/options.hpp"

namespace holdfast::proxy {

/// A request as it goes to the provider. A body that is not here comes piece by piece from the client.
struct Outgoing {
  net::RequestHead head{};
  std::shared_ptr<const std::string> body{};  ///< the client's own, where nothing is changed
  /// The answer comes as a stream and leaves whole; this is the body that asks for it whole, in case the provider
  /// refuses the other.
  std::shared_ptr<const std::string> whole_body{};
  net::Request* streamed_from = nullptr;
};

/// One call of a provider, which a stop reaches in every phase: while it connects, waits for the answer's head, or
/// reads. Stopping closes the connection, which is how a provider hears that nobody wants its answer.
///
/// Threads: the executor's one; `stop` from any. Errors: a failure is a `ProviderFault`; after a stop, anything.
class ProviderCall : public std::enable_shared_from_this<ProviderCall> {
 public:
  struct Head {
    std::optional<ProviderFault> fault{};
    net::ResponseHead head{};
  };

  ProviderCall(net::Executor executor, net::Pool& pool, std::string provider)
      : executor_(std::move(executor)), pool_(pool), provider_(std::move(provider)), wake_(executor_) {}

  void stop();
  bool stopped() const { return stopped_; }
  net::awaitable<void> until_stopped();

  /// Connects, sends, and waits for the head of the answer. A connection that is refused is tried again as policy §8
  /// allows; `tell` hears of it.
  net::awaitable<Head> ask(const Outgoing& outgoing, std::function<void(std::string)> tell);
  net::awaitable<net::Piece> read_some();
  net::awaitable<net::Body> read_body(std::size_t bytes_max);
  bool end_was_marked() { return lease_->end_was_marked(); }
  /// When the request had left.
  std::chrono::steady_clock::time_point sent_at() const { return sent_at_; }

 private:
  net::awaitable<net::Lease> connect();
  net::awaitable<net::error_code> connect_patiently(bool fresh, const std::function<void(std::string)>& tell);
  net::awaitable<net::error_code> send(const Outgoing& outgoing);
  ProviderFault fault_of(const net::error_code& error, std::string_view doing) const;

  net::Executor executor_;
  net::Pool& pool_;
  std::string provider_;
  net::Lease lease_;
  boost::asio::cancellation_signal connecting_;
  net::Signal wake_;
  std::chrono::steady_clock::time_point sent_at_{};
  bool stopped_ = false;
};

/// Stops the call, on its own thread, when the token fires.
class StopWith {
 public:
  StopWith(std::stop_token token, std::shared_ptr<ProviderCall> call, net::Executor executor);

 private:
  struct Post {
    std::shared_ptr<ProviderCall> call;
    net::Executor executor;
    void operator()() const;
  };
  std::stop_callback<Post> callback_;
};

}  // namespace holdfast::proxy
