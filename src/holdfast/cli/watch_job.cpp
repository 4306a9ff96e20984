#include "holdfast/cli/watch_job.hpp"

#include <poll.h>

#include <array>
#include <atomic>
#include <exception>
#include <thread>

#include "holdfast/control/views.hpp"

namespace holdfast::cli {
namespace {

/// How often live numbers are read.
constexpr milliseconds polling{200};
/// The news of a job's end arrives within milliseconds; where it does not, nobody waits for it.
constexpr milliseconds last_news{1000};

class Watch {
 public:
  Watch(const Shown& job, View& view, Signals& signals, NewsQueue& queue)
      : job_(job), view_(view), signals_(signals), queue_(queue) {}

  void until(const std::atomic<bool>& over) {
    std::optional<milliseconds> over_since;
    while (true) {
      const bool was_over = over;
      wait();
      hear();
      if (!was_over) continue;
      if (!over_since) over_since = now();
      if (closed_ || now() - *over_since > last_news) return view_.finished(now());
    }
  }

 private:
  milliseconds now() const {
    return job_.age + std::chrono::floor<milliseconds>(std::chrono::steady_clock::now() - began_);
  }

  void wait() {
    std::array<pollfd, 2> watched{pollfd{.fd = signals_.descriptor(), .events = POLLIN, .revents = 0},
                                  pollfd{.fd = view_.input(), .events = POLLIN, .revents = 0}};
    ::poll(watched.data(), watched.size(), static_cast<int>(polling.count()));
    const Signals::Came came = signals_.take();
    if (came.hang_up) view_.hung_up();
    if (came.terminate) job_.terminate();
    for (int i = 0; i < came.interrupts; ++i) {
      if (job_.interrupt) {
        job_.interrupt();
      } else {
        view_.interrupted(now());
      }
    }
    if (came.resized) view_.resized(now());
    if (watched[1].revents != 0) view_.input_ready(now());
  }

  void hear() {
    for (const Notice& each : queue_.take()) {
      if (job_.log != nullptr) job_.log->hear(each);
      view_.hear(each, now());
      closed_ = closed_ || std::holds_alternative<JobClosed>(*each.news);
    }
    if (!view_.live() || now() - polled_at_ < polling) return;
    polled_at_ = now();
    view_.watch(job_.operations(), now());
  }

  const Shown& job_;
  View& view_;
  Signals& signals_;
  NewsQueue& queue_;
  const std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  milliseconds polled_at_{-1000};
  bool closed_ = false;
};

}  // namespace

void NewsQueue::push(const Notice& notice) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(notice);
  }
  signals_.wake();
}

std::vector<Notice> NewsQueue::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

void show_job(const Shown& job, View& view, NewsQueue& queue, Signals& signals, const std::atomic<bool>& over) {
  Watch(job, view, signals, queue).until(over);
}

jobs::RunResult watch_job(Gateway& gateway, jobs::Runner& runner, View& view, EventLog& log, Signals& signals,
                          std::stop_source& stop) {
  NewsQueue queue(signals);
  const Subscription news = gateway.on_news([&queue](const Notice& notice) { queue.push(notice); });
  std::atomic<bool> over = false;
  jobs::RunResult result;
  std::exception_ptr thrown;
  std::jthread worker([&] {
    try {
      result = runner.run(stop.get_token());
    } catch (...) {
      thrown = std::current_exception();
    }
    over = true;
    signals.wake();
  });
  const auto operations = [&] {
    std::vector<api::OperationView> live;
    for (const OperationState& each : gateway.operations(runner.job_id())) {
      if (!ended(each.outcome)) live.push_back(control::view_of(each));
    }
    return live;
  };
  try {
    show_job({.operations = operations,
              .terminate = [&stop] { stop.request_stop(); },
              .interrupt = {},
              .log = &log,
              .age = {}},
             view, queue, signals, over);
  } catch (...) {
    stop.request_stop();  // nobody shows it any more: what is finished is kept
    throw;
  }
  worker.join();
  if (thrown) std::rethrow_exception(thrown);
  return result;
}

}  // namespace holdfast::cli
