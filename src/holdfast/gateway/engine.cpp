#include "holdfast/gateway/engine.hpp"

#include <algorithm>
#include <random>

#include "holdfast/base/check.hpp"
#include "holdfast/gateway/clock.hpp"
#include "holdfast/gateway/thread_name.hpp"

namespace holdfast::gateway {
namespace {

/// How often a running operation's progress is told.
constexpr milliseconds progress_notice_interval{1000};
/// Of what a sweep found, heard before anybody else is: some milliseconds of work.
constexpr std::size_t due_slice = 2048;

/// Drawn anew by each gateway, those of one process included.
std::uint64_t anywhere_in_22_bits() {
  static_assert(sizeof(std::random_device::result_type) == 4);
  return std::random_device{}() & 0x3fffff;
}

Failure behind_failure() {
  return {Errc::store_unavailable,
          "the store is " + std::to_string(StoreDesk::waiting_max) + " orders behind; nothing was changed, try again"};
}

Failure closed_failure() {
  return {Errc::cancelled, "the gateway is closed"};
}

}  // namespace

Engine::Engine(GatewayOptions options, std::unique_ptr<store::Store> store)
    : options_(std::move(options)),
      inbox_(new Inbox(this)),
      work_(boost::asio::make_work_guard(inbox_->io())),
      slots_(options_.profiles.sweep_interval()),
      ids_begin_(anywhere_in_22_bits()),
      sweep_timer_(inbox_->io()),
      pull_timer_(inbox_->io()),
      desk_(
          std::move(store), inbox_,
          [this](std::vector<Event> events) {
            for (Event& event : events)
              queue_.push_back(std::move(event));
            pump();
          },
          options_.on_commit) {
  step(event::ProvidersConfigured{options_.providers});
  arm_sweep();
  stoppers_.post([] {});  // so that one is there when no thread is to be had any more
  thread_ = std::thread([this] {
    name_this_thread("hf-engine");
    inbox_->io().run();
  });
}

Engine::~Engine() {
  std::promise<void> drained;
  // What is under way is written down; a store that needs time gets it.
  std::function<void()> drain = [&] {
    if (!desk_.idle() || !ends_are_told()) {
      inbox_->post([&drain] { drain(); });
      std::this_thread::yield();
      return;
    }
    inbox_->close();
    closed_ = true;  // what was brought before the inbox closed still runs, and hears that
    fail_everybody();
    sweep_timer_.cancel();
    pull_timer_.cancel();
    desk_.stop_looking_up();
    drained.set_value();
  };
  inbox_->post([&] {
    hear(event::StopOrdered{});
    drain();
  });
  drained.get_future().wait();
  inbox_->wait_until_idle();
  work_.reset();
  thread_.join();
  stoppers_.finish();
}

bool Engine::ends_are_told() const {
  return std::ranges::none_of(calls_,
                              [](const auto& call) { return call && call->fate.load() == Call::Fate::returned; });
}

void Engine::fail_everybody() {
  const auto replies = std::exchange(replies_, {});
  const auto openings = std::exchange(openings_, {});
  for (const auto& [ticket, handler] : replies)
    handler(closed_failure());
  for (const auto& [ticket, opening] : openings)
    opening.handler(closed_failure());
}

void Engine::ask(EventMaker make, ReplyHandler handler) {
  const auto shared = std::make_shared<ReplyHandler>(std::move(handler));
  const bool brought = inbox_->post([this, make = std::move(make), shared] {
    const Ticket ticket{++last_ticket_};
    if (closed_) return (*shared)(closed_failure());
    std::optional<Event> event;
    try {
      event = make(*this, ticket);
    } catch (const Error& error) {
      return (*shared)(Failure{error.errc(), error.what()});
    }
    const auto* answered = std::get_if<event::Answered>(&*event);
    const bool urgent = answered != nullptr || std::holds_alternative<event::CancelRequested>(*event);
    if (!urgent && desk_.full()) return (*shared)(behind_failure());
    if (answered != nullptr && !answered->answer.idempotency_key.empty()) {
      if (joined(*answered, *shared)) return;
      *shared = leading(*answered, std::move(*shared));
    }
    replies_[ticket] = std::move(*shared);
    hear(std::move(*event));
  });
  if (!brought) (*shared)(closed_failure());
}

bool Engine::joined(const event::Answered& answered, ReplyHandler& handler) {
  const auto found = answering_.find({answered.operation, answered.answer.idempotency_key});
  if (found == answering_.end()) return false;
  if (!answered.answer.repeats(found->second.answer)) return false;  // the machine says which one won
  found->second.joined.push_back(std::move(handler));
  return true;
}

Engine::ReplyHandler Engine::leading(const event::Answered& answered, ReplyHandler handler) {
  std::pair key{answered.operation, answered.answer.idempotency_key};
  if (!answering_.emplace(key, Answering{answered.answer, {}}).second) return handler;
  return [this, key = std::move(key), handler = std::move(handler)](Reply reply) {
    const std::vector<ReplyHandler> joined = std::move(answering_.extract(key).mapped().joined);
    handler(reply);
    for (const ReplyHandler& each : joined)
      each(reply);
  };
}

void Engine::open(OperationRequest request, const SharedHeartbeat& heartbeat, std::stop_token caller_stop,
                  OpenHandler handler) {
  const auto opening = std::make_shared<Opening>();
  if (heartbeat) {  // asked here and not in the engine's turn: a strategy is the caller's code
    opening->gives_heartbeats = heartbeat->gives_heartbeats();
    opening->wanted = heartbeat->options();
    if (heartbeat->pulled()) opening->pulled = heartbeat;
  }
  opening->caller_stop = std::move(caller_stop);
  opening->handler = std::move(handler);
  const bool brought = inbox_->run([this, request = std::move(request), opening]() mutable {
    if (closed_) return opening->handler(closed_failure());
    if (desk_.full()) return opening->handler(behind_failure());
    start_operation(Ticket{++last_ticket_}, std::move(request), std::move(*opening));
  });
  if (!brought) opening->handler(closed_failure());
}

void Engine::look_or_read(std::function<bool(Engine&)> look, std::function<void(store::Store&)> read,
                          std::function<void(Failure)> refuse) {
  const bool brought = inbox_->run([this, look = std::move(look), read = std::move(read), refuse]() mutable {
    if (closed_) return refuse(closed_failure());
    if (!look(*this)) desk_.read(std::move(read));
  });
  if (!brought) refuse(closed_failure());
}

void Engine::hear(Event event) {
  queue_.push_back(std::move(event));
  pump();
}

void Engine::pump() {
  if (pumping_) return;
  pumping_ = true;
  while (!queue_.empty()) {
    const Event event = std::move(queue_.front());
    queue_.pop_front();
    deliver_newer_progress(event);
    step(event);
  }
  pumping_ = false;
}

/// Before the core hears an answer, a cancel or an end, it hears of progress that came earlier.
void Engine::deliver_newer_progress(const Event& event) {
  const auto deliver = [this](OperationId id) {
    if (const auto news = slots_.news(id)) step(*news);
  };
  if (const auto* answered = std::get_if<event::Answered>(&event)) {
    deliver(answered->operation);
  } else if (const auto* ended = std::get_if<event::CallEnded>(&event)) {
    deliver(ended->operation);
  } else if (const auto* cancel = std::get_if<event::CancelRequested>(&event)) {
    if (cancel->operation) return deliver(cancel->operation);
    if (const Job* job = machine_.job(cancel->request.job_id)) {
      for (const OperationId id : std::vector(job->operations))
        deliver(id);
    }
  }
}

void Engine::step(const Event& event) {
  Effects effects;
  machine_.step(moment_now(), event, effects);
  perform(std::move(effects));
}

void Engine::perform(Effects effects) {
  for (Effect& effect : effects) {
    std::visit([this](auto& order) { perform(order); }, effect);
  }
}

void Engine::perform(effect::Reply& order) {
  if (const auto opening = openings_.find(order.ticket); opening != openings_.end()) {
    const OpenHandler handler = std::move(opening->second.handler);
    openings_.erase(opening);
    return handler(std::get<Failure>(order.value));
  }
  const auto found = replies_.find(order.ticket);
  if (found == replies_.end()) return;
  const ReplyHandler handler = std::move(found->second);
  replies_.erase(found);
  handler(std::move(order.value));
}

void Engine::perform(effect::Save& order) {
  desk_.save({order.save, moment_now().wall, std::move(order.records)});
}

void Engine::announce(News news) {
  if (!notices_.has_subscribers()) {
    ++last_notice_;
    return;
  }
  notices_.post({++last_notice_, moment_now().wall, std::make_shared<const News>(std::move(news))});
}

void Engine::arm_sweep() {
  sweep_timer_.expires_after(slots_.interval());
  sweep_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    inbox_->post([this] {
      if (closed_) return;
      sweep();
      arm_sweep();
    });
  });
}

void Engine::sweep() {
  const Instant now = instant_now();
  if (due_next_ == due_.size()) {
    due_.clear();
    due_next_ = 0;
    slots_.sweep(now, due_);
    if (options_.on_sweep) options_.on_sweep(instant_now() - now);
    hear_due();
  }  // else the last one is still being heard: that is lateness of our own, and counts as such
  if (const auto next = machine_.next_deadline(); next && *next <= now) queue_.push_back(event::TimePassed{});
  pump();
  if (now - progress_noticed_ >= progress_notice_interval) announce_progress(now);
}

/// In slices: when a million thresholds come at once, an answer waits for some thousands of them and not for all.
void Engine::hear_due() {
  const std::size_t until = std::min(due_.size(), due_next_ + due_slice);
  for (; due_next_ < until; ++due_next_) {
    Event event = due_[due_next_].event();
    if (auto* silence = std::get_if<event::SilenceExceeded>(&event)) {
      if (const auto call = call_of(silence->operation)) silence->progress = call->progress();
    }
    hear(std::move(event));
  }
  if (due_next_ < due_.size()) inbox_->post([this] { hear_due(); });
}

void Engine::announce_progress(Instant now) {
  progress_noticed_ = now;
  if (!notices_.has_subscribers()) return;
  for (const std::shared_ptr<Call>& call : calls_) {
    if (!call) continue;
    const auto heartbeats = static_cast<std::uint32_t>(call->heartbeats.load(std::memory_order_relaxed));
    if (heartbeats == call->noticed) continue;
    call->noticed = heartbeats;
    const Operation* operation = machine_.operation(call->id);
    if (operation == nullptr || operation->stage != Operation::Stage::running) continue;
    const OperationTerms& terms = *operation->terms;
    announce(OperationProgress{terms.job_id, terms.stage_name, terms.provider_name, terms.provider_type,
                               operation->correlation_id, text(call->id), call->progress(),
                               in_ms(now - operation->started_at)});
  }
}

void Engine::reload(TimeoutProfiles profiles, std::vector<ProviderInfo> providers) {
  options_.profiles = std::move(profiles);
  options_.providers = std::move(providers);
  terms_.clear();
  hear(event::ProvidersConfigured{options_.providers});
}

std::string Engine::type_of(const std::string& provider, const std::string& given) const {
  if (!given.empty()) return options_.profiles.for_provider(provider, options_.patience, given).provider_type;
  for (const ProviderInfo& info : options_.providers) {
    if (same_name(info.name, provider) && !info.type.empty()) return info.type;
  }
  return options_.profiles.type_of(provider);
}

OperationId Engine::next_operation_id() {
  // Milliseconds since the epoch, then 22 bits that count up in each from where this gateway begins: rising within one,
  // and two that work at the same time have begun within a few of each other in one of a million pairs.
  const auto wall = static_cast<std::uint64_t>(moment_now().wall.time_since_epoch().count());
  last_operation_ = std::max(last_operation_ + 1, wall << 22 | ids_begin_);
  return OperationId{last_operation_};
}

}  // namespace holdfast::gateway
