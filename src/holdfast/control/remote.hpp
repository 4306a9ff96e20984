#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/api/requests.hpp"
#include "holdfast/control/limits.hpp"
#include "holdfast/gateway/gateway.hpp"
#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/message.hpp"
#include "holdfast/net/pool.hpp"

namespace holdfast::control {

struct RemoteOptions {
  /// For one call, connecting included.
  std::chrono::milliseconds call_time = control::call_time;
  std::chrono::milliseconds reconnect_time_max = control::reconnect_time_max;
  net::Fields fields{};        ///< with every request: a token
  net::Connector connector{};  ///< how it is reached; empty: over the endpoint as it is
  std::stop_token stop{};      ///< ends a call under way (cancelled); `follow` has its own
};

/// What a follower of the feed wants to hear. All on the thread that follows.
struct Follower {
  std::function<void(const Notice&)> on_notice{};
  /// Something may have been missed: read the lists again. Optional.
  std::function<void()> on_reset{};
  /// The feed is gone; the sentence says why. False: no further attempt. Optional: goes on trying.
  std::function<bool(const std::string& why)> on_lost{};
};

/// Another process's control API, for those who have nothing else to do: every call blocks its thread.
///
/// Errors: `Error`. A problem document becomes the error that it is, with its code and its sentence. Where nobody
/// answers: store_unavailable, nothing was changed. Where the connection broke after a command was sent:
/// outcome_unknown. What answers something else than the API: provider_failed.
/// Threads: any, each call by itself.
class Remote {
 public:
  explicit Remote(net::Endpoint endpoint, RemoteOptions options = {});

  using Parameters = std::vector<std::pair<std::string, std::string>>;

  /// Below `/holdfast/v1`; `path({"jobs", id})` makes paths. Parameters without a value are left out.
  boost::json::object get(std::string_view path, const Parameters& parameters = {}) const;
  boost::json::object post(std::string_view path, const boost::json::object& body,
                           const std::string& idempotency_key = {}) const;
  boost::json::object remove(std::string_view path) const;
  /// Every entry of a list, page by page; with `most`, so many at most. `name`: the list's key, "jobs". Throws
  /// too_large for one that does not end.
  boost::json::array list(std::string_view path, std::string_view name, const Parameters& parameters = {},
                          std::optional<std::size_t> most = {}) const;
  static std::string path(std::initializer_list<std::string_view> segments);

  /// A refusal by policy is in the result, as the gateway has it: a lost race is no exception.
  AnswerResult answer(const Answer& answer) const;
  /// Of a job, or of the operation that is named.
  AnswerResult cancel(const CancelRequest& request) const;
  /// A switch out of the blue, or history; the decision as it was recorded.
  boost::json::object decide(const api::DecisionBody& body) const;
  /// False: no lock was active.
  bool release(const std::string& job_id) const;

  /// Follows the event feed, of one job where it is named, and comes back to where it was when the connection breaks.
  /// Returns when `stop` fires or `on_lost` says false. Throws where the first attempt fails, and what is refused.
  /// Events of kinds that this version does not know are passed over.
  void follow(const std::string& job_id, const Follower& follower, std::stop_token stop) const;

  const net::Endpoint& endpoint() const { return endpoint_; }

 private:
  boost::json::object call(net::RequestHead request, const std::string& body) const;
  AnswerResult result_of(std::string_view path, const boost::json::object& body, const std::string& key) const;

  net::Endpoint endpoint_;
  RemoteOptions options_;
};

}  // namespace holdfast::control
