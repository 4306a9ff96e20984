#include "holdfast/control/feed.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "holdfast/api/json.hpp"
#include "holdfast/base/wall_time.hpp"
#include "holdfast/control/limits.hpp"
#include "holdfast/control/options.hpp"
#include "holdfast/net/sse.hpp"

namespace holdfast::control {

Feed::Feed(net::Executor executor, std::string boot, std::size_t events_kept, std::chrono::milliseconds comment_time)
    : executor_(std::move(executor)),
      boot_(std::move(boot)),
      events_kept_(events_kept),
      comment_time_(comment_time),
      added_(executor_) {}

class Feed::Following {
 public:
  explicit Following(Feed& feed) : feed_(feed) {
    {
      const std::lock_guard lock(feed.mutex_);
      ++feed.followers_;
    }
    feed.take_in();
  }
  ~Following() {
    const std::lock_guard lock(feed_.mutex_);
    --feed_.followers_;
  }
  Following(const Following&) = delete;
  Following& operator=(const Following&) = delete;

 private:
  Feed& feed_;
};

void Feed::tell(const Notice& notice) {
  {
    const std::lock_guard lock(mutex_);
    told_.push_back(notice);
    if (told_.size() != (followers_ > 0 ? 1 : untold_events_max)) return;  // nobody has to come, or somebody does
  }
  boost::asio::post(executor_, [this] { take_in(); });
}

void Feed::take_in() {
  std::vector<Notice> told;
  {
    const std::lock_guard lock(mutex_);
    told.swap(told_);
  }
  for (Notice& notice : told)
    add(std::move(notice));
  if (!told.empty()) added_.notify();
}

void Feed::add(Notice notice) {
  if (newest_ != 0 && notice.seq != newest_ + 1) {
    ring_.clear();
    first_ = ++next_;  // every position is behind it now
  }
  newest_ = notice.seq;
  ring_.push_back({std::move(notice)});
  ++next_;
  if (ring_.size() > events_kept_) {
    ring_.pop_front();
    ++first_;
  }
}

std::optional<Feed::Place> Feed::place_behind(std::string_view id) const {
  const std::size_t dash = id.rfind('-');
  if (dash == std::string_view::npos || id.substr(0, dash) != boot_) return std::nullopt;
  const auto seq = net::parse_length(id.substr(dash + 1));
  if (!seq) return std::nullopt;
  if (*seq == newest_) return Place{next_};
  if (*seq == 0 && first_ == 0) return Place{};  // given out before there was any event
  // What is newer comes: another feed was told of it first. A number that is far ahead was never given out.
  if (*seq > newest_)
    return newest_ != 0 && *seq - newest_ <= events_kept_ ? std::optional(Place{next_, *seq}) : std::nullopt;
  if (ring_.empty() || *seq + 1 < ring_.front().notice.seq) return std::nullopt;
  return Place{first_ + (*seq + 1 - ring_.front().notice.seq)};
}

std::string Feed::take(Place& place, const std::string& job) {
  std::string out;
  while (place.position < next_ && out.size() < feed_write_bytes) {
    Event& event = ring_[place.position - first_];
    ++place.position;
    const auto& [seq, time, news] = event.notice;
    if (seq <= place.heard || (!job.empty() && job_of(*news) != job)) continue;
    if (event.bytes.empty()) {
      net::SseEvent sent{.id = id_of(seq), .event = std::string(event_name(*news))};
      sent.data = api::text(api::event_line(seq, time, *news));
      event.bytes = net::format_sse(sent);
    }
    out += event.bytes;
  }
  return out;
}

std::string Feed::id_of(std::uint64_t seq) const {
  return boot_ + "-" + std::to_string(seq);
}

std::string Feed::reset_bytes() const {
  const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  const boost::json::object line{{"event", "reset"}, {"seq", newest_},         {"time", rfc3339(now)},
                                 {"jobId", nullptr}, {"operationId", nullptr}, {"data", boost::json::object()}};
  const net::SseEvent event{.id = id_of(newest_), .event = "reset", .data = api::text(line)};
  return net::format_sse(event);
}

/// With the newest id, so that a follower of a quiet job does not come back with one that is long forgotten.
std::string Feed::comment_bytes(const Place& place) const {
  return ": \nid: " + id_of(std::max(newest_, place.heard)) + "\n\n";
}

net::awaitable<void> Feed::follow(net::Response& response, std::string job, std::string last_id,
                                  std::function<bool()> admitted) {
  response.cancel_when_left();
  const Following following(*this);
  const auto stopping = std::make_shared<bool>(response.stopping());
  response.on_gone([this, stopping](net::Gone why) {
    if (why != net::Gone::stopping) return;  // who left is told by cancellation
    *stopping = true;
    added_.notify();
  });
  Place place{next_};
  std::string first = comment_bytes(place);
  if (!last_id.empty()) {
    const auto found = place_behind(last_id);
    first = found ? ": \n\n" : reset_bytes();
    place = found.value_or(place);
  }
  net::Fields fields{{"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
  for (const auto& [name, value] : safety_fields)
    fields.add(name, value);
  auto beginning = response.begin(200, fields, first);
  net::error_code error = co_await std::move(beginning);
  net::TimePoint comment_due = net::after(comment_time_);
  while (!error && !*stopping && admitted()) {
    std::string bytes;
    const bool behind = place.position < first_;
    if (behind) {
      ++overtaken_;
      bytes = reset_bytes();
    } else if (place.position < next_) {
      bytes = take(place, job);
      if (bytes.empty()) continue;
    } else {
      auto waiting = added_.wait_until(comment_due);
      const net::Woken woken = co_await std::move(waiting);
      if (woken == net::Woken::cancelled) co_return;
      if (woken == net::Woken::notified) continue;
      bytes = comment_bytes(place);
    }
    auto writing = response.write(bytes);
    error = co_await std::move(writing);
    comment_due = net::after(comment_time_);
    if (behind) break;
  }
  if (error) co_return;
  auto ending = response.end();
  co_await std::move(ending);
}

}  // namespace holdfast::control
