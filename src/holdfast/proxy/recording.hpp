#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/base/error.hpp"
#include "holdfast/net/message.hpp"
#include "holdfast/wire/framing.hpp"

namespace holdfast::proxy {

/// How an answer ends that is none: as a whole answer, and as what a dialect says in a stream.
struct AnswerError {
  int status = 502;
  net::Fields fields{};
  std::string body{};
  Errc code = Errc::provider_failed;
  std::string message{};
};

/// What two requests have in common of which one is a repetition of the other.
struct Repeated {
  std::string credential{};  ///< the fields that say who asks, as they were sent
  std::string place{};       ///< method, target, job, stage, provider
  std::shared_ptr<const std::string> body{};

  bool operator==(const Repeated& other) const {
    return credential == other.credential && place == other.place && *body == *other.body;
  }
};

/// How much is recorded, of all answers together.
using RecordedBytes = std::atomic<std::size_t>;

/// An answer from its first byte on, for a client that lost its connection and asks again.
///
///     session that called the provider --begin, add, end--> recording --read--> session of the repeated request
///                                      <----- left: it has gone, too ------
///
/// Threads: any; the two sessions may be on different ones. `on_news` and `on_left` are called on the other's thread,
/// under the lock: they post, and do nothing else. Limits: `recording_bytes_max` of one answer, `recordings_bytes_max`
/// of all; one that would be longer is given up, and whoever follows it hears that it is truncated.
class Recording {
 public:
  struct Head {
    int status = 200;
    net::Fields fields{};
    wire::Framing framing = wire::Framing::whole;
  };
  /// What is new since a reader's last look.
  struct News {
    std::optional<Head> head{};  ///< as long as the reader has none
    std::string bytes{};
    bool ended = false;
    std::optional<AnswerError> error{};  ///< how it ended, where that was no success
    bool lost = false;                   ///< it was given up; nothing else is said
  };

  Recording(Repeated request, std::shared_ptr<RecordedBytes> all)
      : request_(std::move(request)), all_(std::move(all)) {}
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  const Repeated& request() const { return request_; }

  /// The fields of a head of our own, while the provider's is not there.
  void wait_with(net::Fields fields);
  void begin(Head head);
  void add(std::string_view bytes);
  void end(std::optional<AnswerError> error = std::nullopt);
  /// All three at once, so that nobody sees a part of it.
  void whole(Head head, std::string_view body);
  /// Whether it can be given to somebody from its first byte on.
  bool is_complete() const;

  net::Fields waiting_fields() const;
  News read(std::size_t from, bool has_head) const;

  /// Whoever follows from now on; null: nobody.
  void on_news(std::function<void()> call);
  /// The session that calls the provider; null: it is over.
  void on_left(std::function<void(bool timed_out)> call);
  /// The follower's client has gone. False: nobody calls the provider any more, so that nothing is to be done.
  bool left(bool timed_out);

 private:
  void append(std::string_view bytes);
  void give_up();
  void tell();

  const Repeated request_;
  const std::shared_ptr<RecordedBytes> all_;
  mutable std::mutex mutex_;
  net::Fields waiting_;
  std::optional<Head> head_;
  std::string bytes_;
  std::optional<AnswerError> error_;
  bool ended_ = false, given_up_ = false;
  std::function<void()> on_news_;
  std::function<void(bool)> on_left_;
};

}  // namespace holdfast::proxy
