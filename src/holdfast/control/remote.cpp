#include "holdfast/control/remote.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

#include "holdfast/api/decode.hpp"
#include "holdfast/api/json.hpp"
#include "holdfast/api/problem.hpp"
#include "holdfast/control/routes.hpp"
#include "holdfast/net/fetch.hpp"
#include "holdfast/net/pause.hpp"
#include "holdfast/net/sse.hpp"
#include "holdfast/net/target.hpp"

namespace holdfast::control {
namespace {

namespace json = boost::json;

/// A problem, with the option that won where the question was answered before.
class Refusal : public Error {
 public:
  explicit Refusal(const api::Problem& problem)
      : Error(problem.code, problem.detail), winning_option_(problem.winning_option) {}
  const std::string& winning_option() const { return winning_option_; }

 private:
  std::string winning_option_;
};

/// What a failed conversation means to whoever wanted something of it.
Error failed(const Failure& failure, bool changes) {
  if (failure.code == Errc::cancelled) return {failure.code, failure.message};
  const bool connected = !failure.message.starts_with("cannot connect");
  if (connected && changes) {
    return {Errc::outcome_unknown, failure.message + "; it may have happened: look before doing it again"};
  }
  return {Errc::store_unavailable, failure.message};
}

[[noreturn]] void throw_refusal(const net::Fetched& answer, const net::Endpoint& endpoint) {
  if (const auto problem = api::problem_from_json(answer.body)) throw Refusal(*problem);
  throw Error(Errc::provider_failed, endpoint.text() + " answers " + std::to_string(answer.head.status) + " " +
                                         std::string(net::reason_phrase(answer.head.status)) +
                                         ", which is not how the control API answers");
}

}  // namespace

Remote::Remote(net::Endpoint endpoint, RemoteOptions options)
    : endpoint_(std::move(endpoint)), options_(std::move(options)) {}

std::string Remote::path(std::initializer_list<std::string_view> segments) {
  std::string out;
  for (const std::string_view each : segments)
    out += "/" + net::percent_encode(each);
  return out;
}

json::object Remote::call(net::RequestHead request, const std::string& body) const {
  const bool changes = request.method != "GET";
  for (const net::Field& each : options_.fields)
    request.fields.add(each.name, each.value);
  const auto answer =
      net::fetch(endpoint_, std::move(request), body,
                 {.total_time = options_.call_time, .stop = options_.stop, .connector = options_.connector});
  if (!answer) throw failed(answer.error(), changes);
  if (answer->head.status / 100 != 2) throw_refusal(*answer, endpoint_);
  boost::system::error_code error;
  json::value value = json::parse(answer->body, error);
  if (error || !value.is_object()) throw_refusal(*answer, endpoint_);
  return std::move(value.get_object());
}

json::object Remote::get(std::string_view path, const Parameters& parameters) const {
  std::string target = std::string(root) + std::string(path);
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    target += separator + net::percent_encode(name) + "=" + net::percent_encode(value);
    separator = '&';
  }
  return call({.method = "GET", .target = std::move(target)}, {});
}

json::array Remote::list(std::string_view path, std::string_view name, const Parameters& parameters,
                         std::optional<std::size_t> most) const {
  json::array all;
  const std::size_t max = most.value_or(listed_entries_max);
  std::string after;
  do {
    Parameters asked = parameters;
    asked.emplace_back("after", after);
    // Unless it is needed: a process of an older version may know no `limit` here, and has no more than this page.
    if (most) asked.emplace_back("limit", std::to_string(std::min(max - all.size(), page_entries_max)));
    json::object page = get(path, asked);
    json::value* const entries = page.if_contains(name);
    const json::value* const next = page.if_contains("next");
    const bool goes_on = next != nullptr && next->is_string() && next->get_string() != after;
    if (entries == nullptr || !entries->is_array() || next == nullptr || (!next->is_null() && !goes_on)) {
      throw Error(Errc::provider_failed, endpoint_.text() + " answers with something that is no page of " +
                                             std::string(name) + ", which is not how the control API answers");
    }
    for (json::value& each : entries->get_array())
      all.push_back(std::move(each));
    after = goes_on ? std::string(next->get_string()) : std::string();
  } while (!after.empty() && all.size() < max);
  if (!most && !after.empty()) {
    throw Error(Errc::too_large,
                endpoint_.text() + " lists more than " + std::to_string(max) + " " + std::string(name));
  }
  return all;
}

json::object Remote::post(std::string_view path, const json::object& body, const std::string& idempotency_key) const {
  net::RequestHead request{.method = "POST", .target = std::string(root) + std::string(path)};
  request.fields.add("Content-Type", "application/json");
  if (!idempotency_key.empty()) request.fields.add("Idempotency-Key", idempotency_key);
  return call(std::move(request), api::text(body));
}

json::object Remote::remove(std::string_view path) const {
  return call({.method = "DELETE", .target = std::string(root) + std::string(path)}, {});
}

AnswerResult Remote::result_of(std::string_view path, const json::object& body, const std::string& key) const {
  try {
    auto result = api::answer_result_from_json(post(path, body, key));
    if (!result) throw Error(Errc::provider_failed, endpoint_.text() + ": " + result.error().message);
    return std::move(*result);
  } catch (const Refusal& refusal) {
    return {.applied = false,
            .refused = refusal.errc(),
            .winning_option = refusal.winning_option(),
            .message = refusal.what()};
  }
}

AnswerResult Remote::answer(const Answer& answer) const {
  return result_of(path({"operations", answer.operation_id, "answer"}), api::to_json(answer), answer.idempotency_key);
}

AnswerResult Remote::cancel(const CancelRequest& request) const {
  const std::string of = request.operation_id.empty() ? path({"jobs", request.job_id, "cancel"})
                                                      : path({"operations", request.operation_id, "cancel"});
  return result_of(of, api::to_json(request), {});
}

json::object Remote::decide(const api::DecisionBody& body) const {
  return post(path({"jobs", body.decision.job_id, "decisions"}), api::to_json(body));
}

bool Remote::release(const std::string& job_id) const {
  const json::object answer = remove(path({"jobs", job_id}));
  const json::value* released = answer.if_contains("released");
  return released != nullptr && released->is_bool() && released->get_bool();
}

void Remote::follow(const std::string& job_id, const Follower& follower, std::stop_token stop) const {
  std::string last_id;
  bool connected = false, was_connected = false;
  std::chrono::milliseconds wait = reconnect_time_min;
  const auto hear = [&](const net::SseEvent& event) {
    last_id = event.id;
    wait = reconnect_time_min;
    if (event.event == "reset") {
      if (follower.on_reset) follower.on_reset();
    } else if (auto told = api::told_from_line(event.data)) {
      if (follower.on_notice) {
        follower.on_notice({told->seq, told->time, std::make_shared<const News>(std::move(told->news))});
      }
    }
    return !stop.stop_requested();
  };
  while (!stop.stop_requested()) {
    net::RequestHead request{.method = "GET", .target = std::string(root) + "/events"};
    if (!job_id.empty()) request.target += "?job=" + net::percent_encode(job_id);
    if (!last_id.empty()) request.fields.add("Last-Event-ID", last_id);
    for (const net::Field& each : options_.fields)
      request.fields.add(each.name, each.value);
    const auto answer =
        net::follow(endpoint_, std::move(request), hear, {.stop = stop, .connector = options_.connector});
    if (stop.stop_requested()) return;
    if (answer) throw_refusal(*answer, endpoint_);
    connected = !answer.error().message.starts_with("cannot connect");
    if (!connected && !was_connected) throw failed(answer.error(), false);
    was_connected = true;
    if (follower.on_lost && !follower.on_lost(answer.error().message)) return;
    // Without an id nobody can say what came in between.
    if (last_id.empty() && follower.on_reset) follower.on_reset();
    if (!net::wait_unless_stopped(wait, stop)) return;
    wait = std::min(wait * 2, options_.reconnect_time_max);
  }
}

}  // namespace holdfast::control
