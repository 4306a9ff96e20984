#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "holdfast/net/server.hpp"
#include "holdfast/net/signal.hpp"
#include "holdfast/proxy/recording.hpp"
#include "holdfast/wire/answer.hpp"

namespace holdfast::proxy {

/// An error of ours in the dialect's words.
AnswerError own_error(const wire::Route& route, Errc code, std::string message, net::Fields fields);

/// The answer as its client gets it: the provider's bytes, and in the silence between them a sign that the line is
/// alive.
///
///     nothing --grace time--> head of our own --keepalive every 10 s--.
///        |                          |                                |
///        '-- provider's head -------+--> provider's bytes ... --> end, or an error in the dialect, or a cut
///
/// A keepalive stands only where the dialect allows one: between events, and never inside a document. One write is
/// under way at a time; whoever comes second waits.
/// Threads: the executor's one. Errors: those of `net::Response`; an error is final. Lifetime: outlives its calls;
/// `quiet()` is awaited before it goes.
class AnswerStream {
 public:
  struct Times {
    std::chrono::milliseconds header_grace{5'000}, keepalive{10'000};
  };

  AnswerStream(const net::Executor& executor, net::Response& response, const wire::Route& route, Times times);
  AnswerStream(const AnswerStream&) = delete;
  AnswerStream& operator=(const AnswerStream&) = delete;

  /// The client has asked for a stream; before `keep_alive`.
  void expect_stream();
  /// The request is not read, so that nobody knows the form of its answer: none is promised. Before `keep_alive`.
  void expect_anything();
  /// From now on the client is kept waiting politely: after the grace time a head of our own is sent, with `fields`,
  /// which a further call replaces. Nothing where the dialect has no keepalive.
  void keep_alive(net::Fields fields);

  /// From now on what is answered is recorded, too, also when the client is there no more.
  void record_in(std::shared_ptr<Recording> recording) { recording_ = std::move(recording); }
  /// The client may leave: what is answered then is only recorded, or lost.
  void outlive_client() { outlives_client_ = true; }
  bool outlives_client() const { return outlives_client_; }

  /// A whole answer; only before anything was sent.
  net::awaitable<net::error_code> send(int status, net::Fields fields, std::string_view body);
  /// The provider's head, with the first bytes of its body; where a head of our own is out, only those.
  net::awaitable<net::error_code> begin(int status, net::Fields fields, wire::Framing framing, std::string_view first);
  /// Bytes of the provider. `reader` has read them.
  net::awaitable<net::error_code> pass(std::string_view bytes);
  net::awaitable<net::error_code> end();
  /// An error as what ends the answer: whole, as the stream's last frames, or as a cut.
  net::awaitable<void> fail(AnswerError error);
  /// One of ours.
  net::awaitable<void> fail(Errc code, std::string message, net::Fields fields);

  /// Ends the keepalives and waits for one under way.
  net::awaitable<void> quiet();

  /// Who knows where a keepalive may stand, as long as the result lives; afterwards it stays as it was then.
  class Reading {
   public:
    Reading(AnswerStream& stream, const wire::AnswerReader& reader) : stream_(stream) { stream.reader_ = &reader; }
    ~Reading() {
      stream_.between_ = stream_.reader_->at_boundary();
      stream_.sequence_ = stream_.sequence();
      stream_.reader_ = nullptr;
    }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

   private:
    AnswerStream& stream_;
  };
  bool begun() const { return response_.begun(); }
  /// Bytes of a provider's body have left: nothing of another provider may follow.
  bool delivered() const { return delivered_; }
  bool client_left() const { return response_.client_left(); }
  /// It has ended, or failed.
  bool told() const { return told_; }
  /// It has failed where nothing but a cut could say so.
  bool was_cut() const { return cut_; }
  /// What was promised by a head of our own.
  wire::Framing framing() const { return framing_; }

 private:
  net::awaitable<void> turn();
  net::awaitable<net::error_code> write(std::string_view bytes);
  net::awaitable<void> beat();
  void wait(std::chrono::milliseconds patience);
  void arm(std::chrono::steady_clock::time_point when);
  void finished(std::chrono::milliseconds patience);
  bool may_beat() const;
  bool between() const { return reader_ != nullptr ? reader_->at_boundary() : between_; }

  std::int64_t sequence() const { return reader_ != nullptr ? reader_->sequence_number().value_or(-1) : sequence_; }

  net::Executor executor_;
  net::Response& response_;
  wire::Route route_;
  wire::Framing framing_;
  Times times_;
  net::Fields fields_;
  std::shared_ptr<Recording> recording_;  ///< null: nobody will ask for it
  const wire::AnswerReader* reader_ = nullptr;
  boost::asio::steady_timer timer_;
  net::Signal free_;
  std::chrono::steady_clock::time_point last_write_{};
  std::chrono::milliseconds patience_{};  ///< after `last_write_`, before something of ours is sent
  std::shared_ptr<const char> here_ = std::make_shared<const char>();  ///< for a timer that has run out already
  std::int64_t sequence_ = -1;  ///< of the provider's last event, where its dialect counts them
  bool waiting_ = false;        ///< keepalives are wanted
  bool anything_ = false;       ///< the provider's head will say whether they are
  bool writing_ = false;
  bool beating_ = false;
  bool delivered_ = false;
  bool between_ = true;  ///< bytes of ours may stand here; while a reader reads, it knows
  bool over_ = false;
  bool told_ = false, cut_ = false, outlives_client_ = false;
};

}  // namespace holdfast::proxy
