#include <unistd.h>

#include <atomic>
#include <deque>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>
#include <thread>

#include "holdfast/api/decode.hpp"
#include "holdfast/cli/commands.hpp"
#include "holdfast/cli/kept/going_on.hpp"
#include "holdfast/cli/kept/owners.hpp"
#include "holdfast/cli/screen/display_text.hpp"
#include "holdfast/cli/screen_view.hpp"
#include "holdfast/cli/watch_job.hpp"
#include "holdfast/store/store.hpp"

namespace holdfast::cli {
namespace {

/// The jobs that can be watched: a daemon's where one is named, else those of the store and the processes that hold
/// them.
class Jobs {
 public:
  explicit Jobs(const Session& session)
      : daemon_(named_daemon(process_environment())), store_(daemon_ ? nullptr : open_store(session)) {}

  std::optional<JobRow> job(const std::string& id) const {
    return daemon_ ? job_of(*daemon_, id) : store_->job(id).value();
  }
  /// Whether somebody may tell more of it.
  bool is_live(const JobRow& job) const {
    return daemon_ ? job.state == JobState::running || job.state == JobState::waiting : job.owner.has_value();
  }
  control::Remote holder(const JobRow& job) const { return daemon_ ? *daemon_ : reach(*job.owner, job.job_id); }
  const std::optional<control::Remote>& daemon() const { return daemon_; }
  store::Store& store() const { return *store_; }

 private:
  std::optional<control::Remote> daemon_;
  std::unique_ptr<store::Store> store_;  ///< null where a daemon is named
};

/// One job of another process, as a view sees it.
class RemoteJob {
 public:
  RemoteJob(control::Remote remote, std::string job_id) : remote_(std::move(remote)), job_id_(std::move(job_id)) {}

  std::vector<api::OperationView> operations() const {
    try {
      std::vector<api::OperationView> live;
      for (const auto& each : remote_.list("/operations", "operations", {{"state", "active"}, {"job", job_id_}})) {
        auto operation = api::operation_from_json(each.as_object());
        if (operation && !ended(operation->state)) live.push_back(std::move(*operation));
      }
      last_ = std::move(live);
    } catch (const std::exception&) {
      // The feed says when the process is gone; until then the last numbers stand.
    }
    return last_;
  }
  JobControl control(std::stop_source& stop) const {
    return {
        .answer = [this](Answer answer) { return remote_.answer(answer); },
        .cancel = [this](const std::string& by) { remote_.cancel({.job_id = job_id_, .confirmed = true, .by = by}); },
        .leave = [&stop] { stop.request_stop(); }};
  }
  const control::Remote& remote() const { return remote_; }

 private:
  const control::Remote remote_;
  const std::string job_id_;
  mutable std::vector<api::OperationView> last_{};  ///< of the thread that shows
};

Board board_of(const JobRow& job, const TimeoutProfiles& profiles) {
  std::vector<StageLine> lines;
  for (const auto& each : job.stages) {
    StageLine line{.name = each.stage_name, .items = each.items, .items_done = each.items_done, .state = each.state};
    show_lock(line, job.locks);
    lines.push_back(std::move(line));
  }
  return {job.job_id, std::move(lines), wording_of(profiles)};
}

/// What ran, what was asked and what was consented to before this terminal came.
void catch_up(const JobRow& kept, const RemoteJob& job, View& view, milliseconds age) {
  const auto operations = job.operations();
  view.begin(kept, operations, age);
  for (const api::OperationView& each : operations) {
    if (!each.question) continue;
    view.hear({0, each.question->opened_at, std::make_shared<const News>(QuestionOpened{*each.question})}, age);
  }
}

/// Follows the feed until the job is over, its process is gone, or `stop` fires. Without a job: everything, until one
/// of the latter.
class Follow {
 public:
  Follow(const RemoteJob& job, const std::string& job_id, NewsQueue& queue, std::stop_source& stop)
      : stop_(stop), thread_([&job, job_id, &queue, &stop, this] {
          try {
            job.remote().follow(job_id,
                                {.on_notice =
                                     [&](const Notice& notice) {
                                       queue.push(notice);
                                       const bool over = std::holds_alternative<JobClosed>(*notice.news);
                                       if (over && !job_id.empty()) stop.request_stop();
                                     },
                                 .on_lost =
                                     [&](const std::string& why) {
                                       lost({Errc::store_unavailable, why});
                                       return false;
                                     }},
                                stop.get_token());
          } catch (const Error& error) {
            lost(error);
          }
          over_ = true;
        }) {}
  ~Follow() { stop_.request_stop(); }

  const std::atomic<bool>& over() const { return over_; }
  void wait() { thread_.join(); }
  /// Why the feed ended by itself; nothing: it did not. Call it when `over`.
  std::optional<Error> why() const {
    const std::lock_guard lock(mutex_);
    return why_;
  }

 private:
  void lost(const Error& why) {
    const std::lock_guard lock(mutex_);
    why_ = why;
  }

  std::stop_source& stop_;
  mutable std::mutex mutex_;
  std::optional<Error> why_;
  std::atomic<bool> over_{false};
  std::jthread thread_;  ///< last: joined before what it writes to goes
};

std::unique_ptr<View> view_for(const WatchArguments& arguments, const JobRow& job, const Session& session,
                               JobControl control) {
  const TerminalFacts facts = terminal_facts();
  if (arguments.json) return std::make_unique<JsonView>(stdout, std::move(control));
  if (!arguments.plain && can_paint(facts)) {
    return std::make_unique<ScreenView>(board_of(job, session.profiles), style_for(facts), true, std::move(control));
  }
  return std::make_unique<PlainView>(stdout, wording_of(session.profiles), std::move(control),
                                     PlainView::Manner{.utf8 = facts.utf8, .holdfast = command_elsewhere(session)});
}

/// How the job stands when nobody is watched any more.
Exit ending(const Jobs& jobs, const WatchArguments& arguments, const Session& session, const std::string& why) {
  const auto job = jobs.job(arguments.job);
  const JobState state = job ? job->state : JobState::released;
  std::ostream& out = arguments.json ? std::cerr : std::cout;
  out << harmless(arguments.job) << ": " << name(state) << "\n";
  if (state == JobState::interrupted && !jobs.daemon()) {
    out << "Its process is gone" << (why.empty() ? "" : " (" + harmless(why) + ")") << ".\n";
    for (const std::string& each : how_to_go_on(*job, session))
      out << harmless(each) << "\n";
  }
  return Exit::done;
}

Exit watch_one(const WatchArguments& arguments, const Session& session, const Jobs& jobs) {
  const auto kept = jobs.job(arguments.job);
  if (!kept) throw Error(Errc::no_such_job, "there is no job " + arguments.job + " in the store; see `holdfast jobs`");
  if (!jobs.is_live(*kept)) return ending(jobs, arguments, session, "");
  const RemoteJob job(jobs.holder(*kept), kept->job_id);
  Signals signals;
  NewsQueue queue(signals);
  std::stop_source stop;
  auto view = view_for(arguments, *kept, session, job.control(stop));
  std::string why;
  {
    const Follow feed(job, kept->job_id, queue, stop);
    const milliseconds age = age_of(*kept);
    catch_up(*kept, job, *view, age);
    const auto leave = [&stop] { stop.request_stop(); };
    show_job({.operations = [&job] { return job.operations(); }, .terminate = leave, .interrupt = leave, .age = age},
             *view, queue, signals, feed.over());
    stop.request_stop();
    if (const auto lost = feed.why()) why = lost->what();
  }
  view.reset();  // gives the terminal back
  return ending(jobs, arguments, session, why);
}

Exit watch_all(const WatchArguments& arguments, const Session& session, const Jobs& watched) {
  Signals signals;
  NewsQueue queue(signals);
  std::deque<std::stop_source> stops;  // a job's end ends its own feed only
  std::deque<RemoteJob> jobs;
  std::deque<Follow> feeds;
  const auto follow = [&](const control::Remote& remote, const std::string& id) {
    jobs.emplace_back(remote, id);
    feeds.emplace_back(jobs.back(), id, queue, stops.emplace_back());
  };
  if (const auto& daemon = watched.daemon()) {
    follow(*daemon, "");
  } else {
    for (const LivingOwner& owner : living_owners(watched.store())) {
      if (owner.process.socket.empty()) continue;
      for (const std::string& id : owner.jobs)
        follow(reach(owner.process, id), id);
    }
  }
  if (feeds.empty()) {
    std::cerr << "No job is running that can be watched. `holdfast jobs` lists those that ran.\n";
    return Exit::done;
  }
  std::unique_ptr<View> view;
  if (arguments.json) {
    view = std::make_unique<JsonView>(stdout, JobControl{});
  } else {
    view = std::make_unique<PlainView>(
        stdout, wording_of(session.profiles), JobControl{},
        PlainView::Manner{.utf8 = terminal_facts().utf8,
                          .holdfast = command_elsewhere(session),
                          .look_up = [&watched](const std::string& id) { return watched.job(id); }});
  }
  const auto leave = [&stops] {
    for (std::stop_source& each : stops)
      each.request_stop();
  };
  std::atomic<bool> over = false;
  const std::jthread all([&] {
    for (Follow& feed : feeds)
      feed.wait();
    over = true;
    signals.wake();
  });
  show_job({.operations = [] { return std::vector<api::OperationView>(); }, .terminate = leave, .interrupt = leave},
           *view, queue, signals, over);
  if (watched.daemon() && feeds.front().why()) throw Error(*feeds.front().why());
  return Exit::done;
}

}  // namespace

Exit watch_command(const WatchArguments& arguments, const Session& session) {
  const Jobs jobs(session);
  return arguments.job.empty() ? watch_all(arguments, session, jobs) : watch_one(arguments, session, jobs);
}

}  // namespace holdfast::cli
