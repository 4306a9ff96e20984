#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "holdfast/net/parser.hpp"
#include "holdfast/net/server.hpp"

/// What server.cpp, connection.cpp and exchange.cpp share.
namespace holdfast::net {

/// What connections share. Kept by the `Server`, by each connection and each accepting coroutine; a loop that ends
/// frees these, and so it.
class Server::Core : public std::enable_shared_from_this<Server::Core> {
 public:
  Core(Executor on, Handler what, ServerOptions with)
      : executor(std::move(on)), handler(std::move(what)), options(with), changed(executor) {}

  void start(std::unique_ptr<Stream> stream);
  awaitable<void> accept_from(std::shared_ptr<Listener> listener);
  /// Sends away the connection that has been idle longest, to let another in.
  void close_idle_one();
  void begin_stop();
  void cut_all();
  /// Somebody writes: from now on it is looked whether he is done in time.
  void watch_writes();
  bool full() const { return connections.size() >= options.connections_max; }
  /// The field, made once a second.
  const std::string& date();

  Executor executor;
  Handler handler;
  ServerOptions options;
  /// Those that live: they put themselves in and take themselves out.
  std::set<Connection*> connections;
  std::vector<std::weak_ptr<Listener>> listeners;
  std::size_t accepting = 0;
  /// Accepted, and not yet let in.
  std::size_t waiting = 0;
  bool stopping = false;
  /// A connection or a listener ended.
  Signal changed;

 private:
  void look_at_writes();

  /// One for all connections: writes are many, and next to none is late.
  boost::asio::steady_timer writes_{executor};
  bool watching_writes_ = false;
  std::string date_;
  std::int64_t date_second_ = -1;
};

/// One connection: reads heads, calls the handler, and knows what may follow.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Server::Core> core, std::unique_ptr<Stream> stream);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  awaitable<void> run();
  /// Reads ahead, until the stream ends.
  awaitable<void> pump();

  void begin_stop();
  /// Whether something is being written; what is not done in its time is cut off.
  bool still_writes(TimePoint now);
  /// Closes so that nobody takes what was sent for whole.
  void close_stream() noexcept;
  /// Closes, and cancels what the handler waits for.
  void cut();
  /// Since when it waits for a request; nothing while it has one.
  std::optional<TimePoint> idle_since() const { return idle_since_; }
  boost::asio::cancellation_slot slot() { return cancellation_.slot(); }

 private:
  friend class Request;
  friend class Response;

  using GoneCall = std::function<void(Gone)>;
  enum class Filled { more, ended, timed_out, cancelled };
  enum class Next { request, refuse, close };
  enum class Sent { nothing, chunked, counted, until_close, discarded, ended };

  std::string_view unread() const { return std::string_view(ready_).substr(used_); }
  awaitable<Filled> fill(TimePoint deadline);
  awaitable<Next> read_head();
  bool understand(Request& request);
  void refuse(int status, std::string_view reason);
  awaitable<void> answer_refusal();
  int status_of_silence(bool threw) const;
  awaitable<void> serve_one(Request& request, Response& response);
  awaitable<void> call_handler(Request& request, Response& response, bool& threw);
  awaitable<bool> finish_body();
  awaitable<void> say_end();
  awaitable<void> linger();
  void tell_gone(Gone why);
  void post_gone(const std::shared_ptr<const GoneCall>& call, Gone why);

  awaitable<Piece> read_piece();
  awaitable<error_code> put(std::string_view first, std::string_view second = {}, std::string_view third = {});
  awaitable<error_code> begin(int status, Fields fields, std::optional<std::uint64_t> length, std::string_view first);
  awaitable<error_code> write(std::string_view bytes);
  awaitable<error_code> end();
  bool may_keep_alive() const;

  std::shared_ptr<Server::Core> core_;
  std::unique_ptr<Stream> stream_;
  boost::asio::cancellation_signal cancellation_;

  // Reading: the pump fills `arrived_`, the parser eats `ready_`; pieces of bodies are views into `ready_`.
  std::string ready_;
  std::size_t used_ = 0;
  std::string arrived_;
  error_code ended_;
  bool discarding_ = false;
  Signal arrival_;
  Signal room_;

  // The request at hand.
  std::optional<MessageParser> parser_;
  std::optional<TimePoint> idle_since_;
  int refusal_status_ = 0;
  std::string refusal_reason_;
  bool served_before_ = false;
  bool expects_continue_ = false;
  error_code body_error_;
  bool running_ = false;
  bool cancel_when_left_ = false;
  std::vector<std::shared_ptr<const GoneCall>> on_gone_;  ///< nothing else holds them: they end with their handler
  Signal gone_;

  // The answer at hand.
  Sent sent_ = Sent::nothing;
  std::uint64_t left_ = 0;
  bool head_request_ = false;
  bool old_client_ = false;
  bool close_after_ = false;
  bool writing_ = false;
  std::optional<TimePoint> write_due_;  ///< of what is being written; nothing any more where it was late
  bool broken_ = false;
};

}  // namespace holdfast::net
