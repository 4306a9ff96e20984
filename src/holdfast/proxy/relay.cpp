#include "holdfast/proxy/relay.hpp"

#include <utility>

#include "holdfast/gateway/gateway.hpp"
#include "holdfast/proxy/forwarding.hpp"
#include "holdfast/wire/assembly.hpp"
#include "holdfast/wire/fault.hpp"

namespace holdfast::proxy {
namespace {

using net::awaitable;
using net::error_code;
using Clock = std::chrono::steady_clock;

bool is_error(int status) {
  return status >= 400;
}

}  // namespace

/// A fault is the provider's only while somebody listens: what a client's leaving has broken is no error of anybody.
void Relay::fail(ProviderFault fault) {
  if (listener_.answer.client_left()) listener_.left();
  throw ProviderError(std::move(fault));
}

awaitable<void> Relay::run(OperationContext& operation, Outgoing& outgoing) {
  const StopWith stopping(operation.stop_token(), call_, executor_);
  // A kept connection is there at once: nothing would have looked before the request has left.
  if (operation.stop_token().stop_requested()) throw Error(Errc::cancelled, "the call was stopped");
  const ProgressReporter progress = operation.progress();
  const auto tell = [progress](std::string text) { progress.message(std::move(text)); };
  auto asking = call_->ask(outgoing, tell);
  ProviderCall::Head answer = co_await std::move(asking);
  if (answer.head.status == 400 && outgoing.whole_body) {
    // It may be our own change that it does not like: once more, as the client has sent it.
    auto draining = call_->read_body(error_bytes_max);
    co_await std::move(draining);
    outgoing.body = std::exchange(outgoing.whole_body, nullptr);
    auto asking_again = call_->ask(outgoing, tell);
    answer = co_await std::move(asking_again);
  }
  if (call_->stopped()) throw Error(Errc::cancelled, "the call was stopped");
  if (answer.fault) fail(std::move(*answer.fault));
  server_ = server_said(answer.head);
  outgoing.head = {};  // an answer has come: it is not sent again, and a stream of hours need not carry it
  progress.alive();
  if (is_error(answer.head.status)) {
    auto passing = pass_error(std::move(answer.head));
    co_await std::move(passing);
  }
  const wire::Framing framing = wire::framing_of(answer.head.fields.find("Content-Type").value_or(""));
  const bool streams = framing == wire::Framing::sse || framing == wire::Framing::ndjson;
  auto passing = outgoing.whole_body && streams ? pass_assembled(operation, std::move(answer.head), framing)
                                                : pass_answer(operation, std::move(answer.head));
  co_await std::move(passing);
}

/// The provider's fields that are meant for the client, and Holdfast's own.
net::Fields Relay::answer_fields(const net::ResponseHead& head, bool keeps_length) const {
  net::Fields fields = fields_for_client(head, keeps_length);
  for (const net::Field& field : own_fields_)
    fields.set(field.name, field.value);
  return fields;
}

/// The provider's own error, with its status and its body where the status can still be told.
awaitable<void> Relay::pass_error(net::ResponseHead head) {
  auto reading = call_->read_body(error_bytes_max);
  net::Body body = co_await std::move(reading);
  if (call_->stopped()) throw Error(Errc::cancelled, "the call was stopped");
  ProviderFault fault = wire::fault_of(route_, head.status, body.bytes);
  auto failing = listener_.answer.fail(
      {head.status, answer_fields(head, false), std::move(body.bytes), Errc::provider_failed, fault.message});
  co_await std::move(failing);
  fail(std::move(fault));
}

awaitable<void> Relay::begin(net::ResponseHead head, wire::Framing framing, std::string_view first) {
  // Keepalives may come in between, and they are in nobody's length.
  const bool keeps_length = framing == wire::Framing::whole || framing == wire::Framing::bytes;
  net::Fields fields = answer_fields(head, keeps_length);
  own_fields_ = {};
  auto beginning = listener_.answer.begin(head.status, std::move(fields), framing, first);
  const error_code error = co_await std::move(beginning);
  if (error) {
    auto leaving = left();
    co_await std::move(leaving);
  }
}

/// The client takes no more. Either nobody minds, or a cancel is on its way and ends the call.
awaitable<void> Relay::left() {
  listener_.left();
  if (listener_.answer.outlives_client()) co_return;
  auto waiting = call_->until_stopped();
  co_await std::move(waiting);
  throw Error(Errc::cancelled, "the client has left");
}

awaitable<void> Relay::pass_answer(OperationContext& operation, net::ResponseHead head) {
  const ProgressReporter progress = operation.progress();
  const wire::Framing framing = wire::framing_of(head.fields.find("Content-Type").value_or(""));
  wire::AnswerReader reader(route_, head.status, framing);
  AnswerStream& answer = listener_.answer;
  if (answer.begun() && answer.framing() != framing) {
    ProviderFault fault{ErrorClass::protocol, head.status, {}, provider_.name + " answered in another form than asked"};
    auto failing = fail_in_the_middle(std::move(fault));
    co_await std::move(failing);
  }
  // Short answers leave in one write, head and all. A stream's head does not wait for its first byte.
  const bool together = head.fields.find("Content-Length").has_value();
  bool begun = false;
  const AnswerStream::Reading readable(answer, reader);
  if (!together) {
    auto beginning = begin(std::move(head), framing, {});
    co_await std::move(beginning);
    begun = true;
  }
  last_progress_ = Clock::now();
  while (true) {
    auto reading = call_->read_some();
    const net::Piece piece = co_await std::move(reading);
    if (call_->stopped()) throw Error(Errc::cancelled, "the call was stopped");
    if (piece.error || piece.is_end()) {
      if (!piece.error) reader.finish();
      if (piece.error && !reader.ended()) {
        ProviderFault fault{
            ErrorClass::truncated, 0, {}, provider_.name + " stopped in the middle: " + piece.error.message()};
        auto failing = fail_in_the_middle(std::move(fault));
        co_await std::move(failing);
      }
      break;
    }
    reader.feed(piece.bytes);
    report(progress, reader);
    progress.hold();
    if (begun) {
      auto passing = pass_bytes(piece.bytes, progress);
      co_await std::move(passing);
    } else {
      auto beginning = begin(std::move(head), framing, piece.bytes);
      co_await std::move(beginning);
      begun = true;
    }
    progress.resume();
  }
  // Its own error event has been passed on; what ended too early has to be told, before a head calls it whole.
  if (reader.fault() && reader.fault()->error_class == ErrorClass::truncated) {
    auto failing = fail_in_the_middle(*reader.fault());
    co_await std::move(failing);
  }
  if (!begun) {
    auto beginning = begin(std::move(head), framing, {});
    co_await std::move(beginning);
  }
  if (reader.fault()) {
    auto ending = answer.end();
    co_await std::move(ending);
    fail(*reader.fault());
  }
  auto ending = answer.end();
  const error_code ended = co_await std::move(ending);
  if (ended && answer.client_left()) {
    auto leaving = left();
    co_await std::move(leaving);
  }
}

/// Streamed by the provider, for its progress, and one document for the client.
awaitable<void> Relay::pass_assembled(OperationContext& operation, net::ResponseHead head, wire::Framing framing) {
  const ProgressReporter progress = operation.progress();
  wire::AnswerReader reader(route_, head.status, framing);
  const wire::Server known = provider_.server();
  wire::Assembler assembler(route_, known == wire::Server::unknown ? *server_ : known);
  last_progress_ = Clock::now();
  while (true) {
    auto reading = call_->read_some();
    const net::Piece piece = co_await std::move(reading);
    if (call_->stopped()) throw Error(Errc::cancelled, "the call was stopped");
    if (piece.error || piece.is_end()) break;
    reader.feed(piece.bytes);
    assembler.feed(piece.bytes);
    report(progress, reader);
  }
  const auto whole = assembler.whole();
  if (!whole) {
    const bool truncated = whole.error().code == Errc::truncated;
    ProviderFault fault{truncated ? ErrorClass::truncated : ErrorClass::protocol, 0, {}, whole.error().message};
    if (const auto& own = reader.fault(); own && own->error_class != ErrorClass::truncated) fault = *own;
    if (const int meant = wire::status_meant(route_.dialect, assembler.error()); meant != 0) {
      // It came as an event; without our asking it would have come with a status of its own.
      fault = wire::fault_of(route_, meant, assembler.error());
      net::Fields fields = answer_fields(head, false);
      fields.set("Content-Type", "application/json");
      auto failing =
          listener_.answer.fail({meant, std::move(fields), assembler.error(), Errc::provider_failed, fault.message});
      co_await std::move(failing);
      fail(std::move(fault));
    }
    auto failing = fail_in_the_middle(std::move(fault));
    co_await std::move(failing);
  }
  AnswerStream& answer = listener_.answer;
  if (answer.begun()) {
    auto beginning = begin(std::move(head), wire::Framing::whole, *whole);
    co_await std::move(beginning);
    auto ending = answer.end();
    co_await std::move(ending);
    co_return;
  }
  net::Fields fields = answer_fields(head, false);
  fields.set("Content-Type", "application/json");
  auto sending = answer.send(head.status, std::move(fields), *whole);
  co_await std::move(sending);
}

awaitable<void> Relay::pass_bytes(std::string_view bytes, const ProgressReporter& progress) {
  auto passing = listener_.answer.pass(bytes);
  const error_code error = co_await std::move(passing);
  if (!error) co_return;
  progress.resume();
  auto leaving = left();
  co_await std::move(leaving);
}

/// An answer that is no success any more: the client hears it in the dialect's words, or is cut off.
awaitable<void> Relay::fail_in_the_middle(ProviderFault fault) {
  AnswerStream& answer = listener_.answer;
  const Errc code = fault.error_class == ErrorClass::truncated ? Errc::truncated : Errc::provider_failed;
  auto failing = answer.fail(code, fault.message, own_fields_);
  co_await std::move(failing);
  fail(std::move(fault));
}

void Relay::report(const ProgressReporter& progress, const wire::AnswerReader& reader) {
  if (const auto percent = reader.percent()) progress.percent(*percent);
  if (reader.progress() == seen_) return progress.alive();
  const Clock::time_point now = Clock::now();
  if (seen_ == 0) {
    facts_.first_progress = now - call_->sent_at();
  } else {
    facts_.longest_gap = std::max(facts_.longest_gap.value_or(std::chrono::nanoseconds(0)),
                                  std::chrono::nanoseconds(now - last_progress_));
  }
  last_progress_ = now;
  seen_ = reader.progress();
  if (route_.kind == "text") {
    progress.tokens(seen_);
  } else {
    progress.bytes(seen_);
  }
}

}  // namespace holdfast::proxy
