#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/api/problem.hpp"
#include "holdfast/control/options.hpp"
#include "holdfast/gateway/gateway.hpp"
#include "holdfast/net/message.hpp"
#include "holdfast/net/target.hpp"

namespace holdfast::control {

/// What a handler is told. All of it is checked: the path decoded, the query's names known, the body an object.
struct Call {
  Gateway& gateway;
  const ServiceOptions& options;
  std::vector<std::string> path{};  ///< what stands for the {…} of the route, in their order
  net::Query query{};
  boost::json::object body{};
  std::string idempotency_key{};
  std::string caller{};   ///< the user at the other end of a Unix socket; empty: not known
  std::string token{};    ///< the name of the token that was brought; empty: none was needed
  bool stopping = false;  ///< the process takes no new work

  /// The parameter; empty where it is not given.
  std::string parameter(std::string_view name) const;
  /// A number of the query between `min` and `max`. Throws invalid_argument.
  std::uint64_t number(std::string_view name, std::uint64_t otherwise, std::uint64_t min, std::uint64_t max) const;
  /// Who acts, as records say it: the token's name, which nobody can claim without having it, and what was said beside
  /// it; without a token what was said, else the user.
  std::string by(const std::string& said) const;
};

struct Reply {
  int status = 200;
  std::string type = "application/json";
  std::string body{};
  net::Fields fields{};
};

Reply json_reply(boost::json::object object, int status = 200);
Reply problem_reply(const api::Problem& problem);
/// Where the code has another status than its own.
Reply problem_reply(Errc code, int status, std::string detail);

/// Answers one request. Blocks; runs on a thread of the service's pool. Throws `Error` for what is refused.
using Handle = Reply (*)(const Call& call);

/// In front of every path but a few.
inline constexpr std::string_view root = "/holdfast/v1";

struct Route {
  std::string_view method;
  std::string_view path;  ///< below `front`: "/jobs/{job}/locks"
  Scope scope = Scope::read;
  Handle handle = nullptr;  ///< null: the event feed, which is no single answer
  bool takes_body = false;
  std::vector<std::string_view> parameters{};  ///< of the query
  std::string_view front = root;

  std::string whole_path() const { return std::string(front) + std::string(path); }
};

/// All of them, as the OpenAPI document lists them.
std::span<const Route> routes();

/// Who answers a request. No route: `allow` names the methods that the path knows; empty: there is no such path.
struct Match {
  const Route* route = nullptr;
  std::vector<std::string> path{};
  std::string allow{};
};

/// HEAD is answered as GET is. `segments`: of the whole path, decoded.
Match match(std::string_view method, const std::vector<std::string>& segments);

}  // namespace holdfast::control
