#include "holdfast/gateway/call.hpp"

#include <algorithm>

#include "holdfast/base/text.hpp"
#include "holdfast/gateway/clock.hpp"
#include "holdfast/gateway/engine.hpp"
#include "holdfast/gateway/inbox.hpp"
#include "holdfast/gateway/operation_context.hpp"

namespace holdfast::gateway {
namespace {

constexpr std::size_t message_bytes_max = 256;  // one line on a screen

/// The value that was there where `value` is larger; nothing where it is not.
template <class T>
bool raise(std::atomic<T>& cell, T value) {
  T seen = cell.load(std::memory_order_relaxed);
  while (value > seen) {
    if (cell.compare_exchange_weak(seen, value, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace

Call::Call(OperationId call_id, SharedTerms call_terms, SharedInbox call_inbox, ActivityWriter call_writer)
    : id(call_id), terms(std::move(call_terms)), inbox(std::move(call_inbox)), writer(std::move(call_writer)) {}

Call::~Call() {
  // After the engine is closed nobody needs the slot any more.
  inbox->run([slot = writer.slot()](Engine& engine) { engine.give_back(slot); });
}

bool Call::settle(Fate to) {
  Fate expected = Fate::running;
  return fate.compare_exchange_strong(expected, to, std::memory_order_acq_rel);
}

void Call::progressed() {
  heartbeats.fetch_add(1, std::memory_order_relaxed);
  const Instant now = instant_now();
  if (writer.progress(now)) {
    inbox->run([id = id, now](Engine& engine) { engine.hear(event::ProgressMade{id, now}); });
  }
}

void Call::alive() {
  heartbeats.fetch_add(1, std::memory_order_relaxed);
  writer.alive(instant_now());
}

void Call::total(std::atomic<std::int64_t>& cell, std::int64_t total) {
  // The first report of nothing done is no progress.
  const bool was_known = cell.load(std::memory_order_relaxed) >= 0;
  const bool grew = raise(cell, total);
  if (grew && (was_known || total > 0)) {
    progressed();
  } else {
    alive();
  }
}

void Call::percent_is(double value) {
  if (!(value >= 0.0)) return alive();  // NaN too: nobody knows how far it is
  value = std::min(value, 100.0);
  const bool was_known = percent.load(std::memory_order_relaxed) >= 0.0;
  const bool rose = raise(percent, value);
  if (rose && (was_known || value > 0.0)) {
    progressed();
  } else {
    alive();
  }
}

void Call::message_is(std::string text) {
  text.resize(cut_to_bytes(text, message_bytes_max).size());
  Shown& shown = shown_.get();
  const std::lock_guard lock(shown.mutex);
  shown.message = std::move(text);
}

void Call::remaining_is(milliseconds estimate) {
  Shown& shown = shown_.get();
  const std::lock_guard lock(shown.mutex);
  shown.remaining = std::max(estimate, milliseconds(0));
}

Progress Call::progress() const {
  Progress out;
  const auto read = [](const std::atomic<std::int64_t>& cell) {
    const std::int64_t value = cell.load(std::memory_order_relaxed);
    return value < 0 ? std::nullopt : std::optional(value);
  };
  out.tokens = read(tokens);
  out.chunks = read(chunks);
  out.bytes = read(bytes);
  const double known = percent.load(std::memory_order_relaxed);
  if (known >= 0.0) out.percent = known;
  if (const Shown* shown = shown_.if_made()) {
    const std::lock_guard lock(shown->mutex);
    out.remaining = shown->remaining;
    out.message = shown->message;
  }
  return out;
}

}  // namespace holdfast::gateway

namespace holdfast {

void ProgressReporter::tokens(std::int64_t total) const {
  call_->total(call_->tokens, total);
}
void ProgressReporter::chunks(std::int64_t total) const {
  call_->total(call_->chunks, total);
}
void ProgressReporter::bytes(std::int64_t total) const {
  call_->total(call_->bytes, total);
}
void ProgressReporter::percent(double percent) const {
  call_->percent_is(percent);
}
void ProgressReporter::remaining(milliseconds estimate) const {
  call_->remaining_is(estimate);
}
void ProgressReporter::message(std::string text) const {
  call_->message_is(std::move(text));
}
void ProgressReporter::alive() const {
  call_->alive();
}
void ProgressReporter::hold() const {
  call_->writer.hold(gateway::instant_now());
}
void ProgressReporter::resume() const {
  call_->writer.resume(gateway::instant_now());
}

void ProgressReporter::report(const Progress& progress) const {
  if (progress.remaining) remaining(*progress.remaining);
  if (!progress.message.empty()) message(progress.message);
  const bool counted = progress.tokens || progress.chunks || progress.bytes || progress.percent;
  if (progress.tokens) tokens(*progress.tokens);
  if (progress.chunks) chunks(*progress.chunks);
  if (progress.bytes) bytes(*progress.bytes);
  if (progress.percent) percent(*progress.percent);
  if (!counted) alive();
}

std::stop_token OperationContext::stop_token() const {
  return call_->stop.get().get_token();
}
std::string OperationContext::operation_id() const {
  return text(call_->id);
}
const std::string& OperationContext::provider_name() const {
  return call_->terms->provider_name;
}
std::uint64_t OperationContext::epoch() const {
  return call_->epoch;
}

}  // namespace holdfast
