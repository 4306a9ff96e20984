#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/gateway/gateway.hpp"
#include "holdfast/net/server.hpp"
#include "holdfast/net/signal.hpp"

namespace holdfast::control {

/// The event feed: one ring of the newest events, and any number of followers who walk along it.
///
///     first_                                next_
///       v                                     v
///     [ 7 ][ 8 ][ 9 ]…                  [ n ]        positions; each event also has the number of its notice
///              ^        ^
///         a follower   another one
///
/// A follower holds a position and nothing else: a slow one costs no memory and delays nobody. Whom the ring has
/// overtaken hears `event: reset`, and its stream ends; so does one whom a gap in the notices' numbers meets, which is
/// what the gateway's notice board leaves when it had to drop some.
/// Of several feeds of one gateway with one boot id, made before any of them is followed, each knows the ids of the
/// others; one that is a moment behind waits with what the follower has heard already.
/// Threads: `tell` from any; the rest on the executor's one. Lifetime: outlives what runs on the executor.
class Feed {
 public:
  Feed(net::Executor executor, std::string boot, std::size_t events_kept, std::chrono::milliseconds comment_time);

  /// Never waits for a follower. Several notices that come in a row cost the loop one waking, and where nobody follows
  /// hundreds do.
  void tell(const Notice& notice);

  /// Streams until the client leaves, falls behind, is not `admitted` any more, or the server stops. `job` empty:
  /// everything. `last_id`: from behind that event; empty: from now on. `admitted` is asked before each write.
  net::awaitable<void> follow(net::Response& response, std::string job, std::string last_id,
                              std::function<bool()> admitted);

  /// Followers that the ring has overtaken.
  std::uint64_t overtaken() const { return overtaken_; }

 private:
  struct Event {
    Notice notice{};
    std::string bytes{};  ///< as they are sent: made when the first follower wants it
  };
  struct Place {
    std::uint64_t position = 0;
    std::uint64_t heard = 0;  ///< events up to this number are not sent: another feed has told them
  };

  /// Those who follow, as long as they do: while there are none nobody is woken.
  class Following;

  /// Takes what was told into the ring.
  void take_in();
  void add(Notice notice);
  /// Where to go on behind an id; nothing where that is not known any more, or was another process's.
  std::optional<Place> place_behind(std::string_view id) const;
  /// Events of the job from a place on, up to `feed_write_bytes`; moves the place behind them.
  std::string take(Place& place, const std::string& job);
  std::string id_of(std::uint64_t seq) const;
  std::string reset_bytes() const;
  std::string comment_bytes(const Place& place) const;

  net::Executor executor_;
  const std::string boot_;
  const std::size_t events_kept_;
  const std::chrono::milliseconds comment_time_;
  net::Signal added_;
  std::mutex mutex_;  ///< of what is told and not taken in yet, and of who wants to hear it at once
  std::vector<Notice> told_;
  std::size_t followers_ = 0;
  std::deque<Event> ring_;
  std::uint64_t first_ = 0, next_ = 0;  ///< positions
  std::uint64_t newest_ = 0;            ///< number of the newest notice; 0: there was none
  std::uint64_t overtaken_ = 0;
};

}  // namespace holdfast::control
