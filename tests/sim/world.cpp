#include "world.hpp"

#include <algorithm>

namespace holdfast::sim {
namespace {

constexpr std::size_t trace_kept = 40;
constexpr milliseconds jobs_begin_within{300'000};
constexpr milliseconds jobs_last{1'200'000};

/// Looking up an unknown outcome takes time: the Machine may hear of transactions in another order.
std::vector<std::string> sorted(std::vector<std::string> names) {
  std::ranges::sort(names);
  return names;
}

}  // namespace

World::World(std::uint64_t seed, Rows& rows, bool traced)
    : random_(seed),
      rows_(rows),
      invariants_(rows),
      store_(random_, rows, [this](Nanoseconds wait, Event event) { tell_later(wait, std::move(event)); }),
      traced_(traced) {}

void World::after(Nanoseconds wait, std::function<void()> what) {
  queue_.push({now_ + wait, ++last_order_, std::move(what)});
}

void World::after_ms(std::int64_t low, std::int64_t high, std::function<void()> what) {
  after(milliseconds(random_.between(low, high)), std::move(what));
}

void World::tell_later(Nanoseconds wait, Event event) {
  after(wait, [this, event = std::move(event)] { tell(event); });
}

void World::note(const Event& event, const Effects& effects) {
  std::string line = std::to_string((now_.time_since_epoch() - std::chrono::hours(1)).count() / 1'000'000) +
                     " ms, event " + std::to_string(event.index());
  for (const Effect& effect : effects) {
    const std::string text = describe(effect);
    for (const char c : text)
      hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211u;
    line += "\n    " + text;
  }
  trace_.push_back(std::move(line));
  if (trace_.size() > trace_kept) trace_.pop_front();
}

void World::tell(const Event& event) {
  const Moment now{now_, WallTime(in_ms(now_.time_since_epoch()))};
  invariants_.heard(now, event);
  Effects effects;
  machine_.step(now, event, effects);
  if (traced_) note(event, effects);
  for (const Effect& effect : effects)
    invariants_.ordered(effect);
  invariants_.stepped();
  for (Effect& effect : effects)
    perform(effect);
  const auto deadline = machine_.next_deadline();
  if (deadline && deadline != deadline_) {
    tell_later(std::max(*deadline - now_, Nanoseconds(0)), event::TimePassed{});
  }
  deadline_ = deadline;
}

void World::perform(Effect& effect) {
  if (auto* save = std::get_if<effect::Save>(&effect)) {
    store_.save(now_, *save);
  } else if (auto* look = std::get_if<effect::LookUp>(&effect)) {
    store_.look_up(now_, *look);
  } else if (auto* load = std::get_if<effect::LoadJob>(&effect)) {
    store_.load(now_, *load);
  } else if (auto* open = std::get_if<effect::OpenCall>(&effect)) {
    opened(*open);
  } else if (auto* cancel = std::get_if<effect::CancelCall>(&effect)) {
    cancelled(*cancel);
  } else if (auto* watch = std::get_if<effect::Watch>(&effect)) {
    slots_.order(*watch);
  } else if (auto* category = std::get_if<effect::WatchCategory>(&effect)) {
    slots_.order(*category);
  } else if (auto* end = std::get_if<effect::EndWatch>(&effect)) {
    slots_.end(end->operation);
    give_back_later(end->operation);
  } else if (auto* announce = std::get_if<effect::Announce>(&effect)) {
    if (const auto* question = std::get_if<QuestionOpened>(&announce->news)) asked(question->question);
  } else if (auto* reply = std::get_if<effect::Reply>(&effect)) {
    replied(*reply);
  }
}

void World::opened(const effect::OpenCall& order) {
  Call& call = calls_[order.operation];
  call.writer = slots_.take(order.operation, now_).value();
  call.job = order.job_id;
  call.stage = order.stage_name;
  call.provider = order.provider_name;
  call.patience = machine_.operation(order.operation)->terms->patience;
  call.beats = static_cast<int>(random_.between(0, 14));
  beat(order.operation);
}

void World::cancelled(const effect::CancelCall& order) {
  Call& call = calls_.at(order.operation);
  if (call.over) return;  // its end is under way
  call.over = true;
  const bool returned = random_.percent(10);  // by itself, in the same moment
  const auto how = returned ? event::CallEnded::How::returned : event::CallEnded::How::closed;
  tell_later(milliseconds(random_.between(0, 900)), event::CallEnded{order.operation, how, {}});
}

/// The engine's rule: before an answer, a cancel or the end of an operation is heard, its slot is read.
void World::news_first(OperationId operation) {
  if (const auto news = slots_.news(operation)) tell(*news);
}

void World::sweep() {
  std::vector<Due> due;
  const bool paused = last_sweep_ && now_ - *last_sweep_ > slots_.interval();
  if (paused) invariants_.late(*last_sweep_ + slots_.interval(), now_);
  last_sweep_ = now_;
  slots_.sweep(now_, due);
  for (const Due& each : due) {
    const Event event = each.event();
    tell(event);
    const auto* silence = std::get_if<event::SilenceExceeded>(&event);
    if (silence != nullptr && random_.percent(10)) {
      after_ms(0, 20'000, [this, old = *silence, pauses = pauses_] {
        if (pauses != pauses_) return;  // told by hand, its silence cannot be set right any more
        rows_.count("stale news: SilenceExceeded");
        news_first(old.operation);
        tell(old);
      });
    }
  }
  invariants_.swept(now_, paused);
  if (draining_ && machine_.active_operations() == 0) return;
  Nanoseconds next = slots_.interval();
  if (!draining_ && random_.between(1, 400) == 1) {
    next += milliseconds(random_.between(1, 25'000));
    ++pauses_;
    rows_.count("own pause");
  }
  after(next, [this] { sweep(); });
}

void World::run(int jobs) {
  std::vector<ProviderInfo> providers;
  providers.push_back({.name = "Ollama", .type = "local_llm", .kinds = {}, .model = "m"});
  providers.push_back({.name = "OpenAI", .type = "cloud_llm", .kinds = {}, .model = "m", .requires_network = true});
  providers.push_back({.name = "Queue",
                       .type = "local_llm",
                       .kinds = {},
                       .model = "m",
                       .requires_network = false,
                       .concurrent_max = 2});
  tell(event::ProvidersConfigured{providers});
  sweep();
  for (int i = 0; i < jobs; ++i) {
    after_ms(0, jobs_begin_within.count(), [this, i] { job(i); });
  }
  after(jobs_begin_within + jobs_last, [this] { store_.healthy = true; });  // what could not be written is tried again
  after(jobs_begin_within + jobs_last + milliseconds(60'000), [this] {
    invariants_.due_consents_are_used();
    drain();
  });
  while (!queue_.empty()) {
    const Item item = queue_.top();
    queue_.pop();
    now_ = item.at;
    item.what();
  }
  check_peace();
}

/// Whatever still runs is cancelled, every job released; then nothing may be left.
void World::drain() {
  draining_ = true;
  store_.healthy = true;
  const bool stopped = random_.percent(10);
  if (stopped) {
    rows_.count("stop ordered");
    tell(event::StopOrdered{});
  }
  for (const OperationId id : requested_) {
    event::CancelRequested cancel{.ticket = ticket(), .request = {}, .operation = id, .answer = {}};
    cancel.request.confirmed = true;
    news_first(id);
    tell(cancel);
  }
  after(milliseconds(60'000), [this] {
    invariants_.adopted_jobs_closed();
    std::vector<std::string> known;
    for (const auto& [job, ledger] : invariants_.committed()) {
      if (!job.empty()) known.push_back(job);
    }
    for (const std::string& job : known)
      tell(event::ReleaseRequested{ticket(), job});
  });
}

void World::check_peace() {
  invariants_.finished();
  const auto check = [](bool holds, const char* what) {
    if (!holds) throw Violation(what);
  };
  check(machine_.active_operations() == 0, "L3: no operation is left");
  check(machine_.backlog() == 0 && machine_.anonymous().waiting() == 0, "audit: nothing is left to be written");
  check(machine_.questions().open_count() == 0, "I4: no question is left open");
  check(slots_.taken() == 0, "slots: every slot is given back");
  for (const auto& [job, ledger] : invariants_.committed()) {
    const auto found = store_.ledgers().find(job);
    const std::vector<std::string> stored =
        found != store_.ledgers().end() ? found->second.trail : std::vector<std::string>{};
    if (sorted(stored) == sorted(ledger.trail)) continue;
    std::string both = "I8: what the Machine was told is saved is in the store, and nothing else: " + job + " has";
    for (const std::string& each : ledger.trail)
      both += " " + each;
    both += "; the store has";
    for (const std::string& each : stored)
      both += " " + each;
    throw Violation(both);
  }
}

}  // namespace holdfast::sim
