#pragma once

#include <chrono>
#include <cstddef>

/// Every bound of this module, with its reason.
namespace holdfast::control {

/// Of a request. The longest that makes sense, a job with a dozen locks over many stages, has a tenth of it.
inline constexpr std::size_t body_bytes_max = std::size_t{1} << 20;
/// Entries of a page: more is a download.
inline constexpr std::size_t page_entries_max = 1000;
inline constexpr std::size_t page_entries_default = 100;

/// Requests of one `Api` that wait for a thread of the pool, those that have one included. More hear 429: who waits for
/// a disk that takes so long is better off asking again.
inline constexpr std::size_t calls_waiting_max = 512;
/// Followers of one `Api`'s feed. More hear 429: each costs a connection, and a piece of every event.
inline constexpr std::size_t followers_max = 256;

/// Events kept for those who come back: some minutes of a busy process, some MiB.
inline constexpr std::size_t events_kept = 10'000;
/// One write to a follower; what is more waits in the ring, not in a buffer of that follower.
inline constexpr std::size_t feed_write_bytes = 64 * 1024;
/// Events that wait where nobody follows, before they are taken into the ring: a waking of the loop for each would cost
/// more than the requests that they tell of.
inline constexpr std::size_t untold_events_max = 256;
/// A comment, so that what stands between does not cut a feed that is only quiet.
inline constexpr std::chrono::milliseconds feed_comment_time{10'000};

/// Calls of the gateway at once. They wait for the engine and the disk; a disk commits one group at a time.
inline constexpr std::size_t calls_at_once = 4;
/// What a stopping service gives requests that are being answered. Feeds end at once.
inline constexpr std::chrono::milliseconds stop_grace{2'000};

/// A command line waits so long for an answer. The slowest is a check of the whole trail.
inline constexpr std::chrono::milliseconds call_time{60'000};
/// Entries of a list that is read whole, page by page: more than any process has of anything.
inline constexpr std::size_t listed_entries_max = std::size_t{1} << 22;
/// Between attempts to find a feed again: doubles from the first to the last.
inline constexpr std::chrono::milliseconds reconnect_time_min{100}, reconnect_time_max{5'000};

}  // namespace holdfast::control
