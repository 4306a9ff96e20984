#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/api/json.hpp"
#include "holdfast/control/limits.hpp"
#include "holdfast/net/access/access.hpp"
#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/server.hpp"

namespace holdfast::control {

using net::Scope;

/// Tells this process and these options from all others: random letters.
std::string new_boot();

/// With every answer: nothing of this is a page that may run anything, be framed, or be read by pages of others.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 4> safety_fields = {{
    {"X-Content-Type-Options", "nosniff"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Referrer-Policy", "no-referrer"},
}};

struct ServiceOptions {
  net::Endpoint endpoint{};
  std::string door = "api";           ///< through which answers come, as records say it
  std::string patience = "balanced";  ///< of profiles that are asked for without one
  /// Who can serve a stage, as `GET /providers` tells it; empty: what the gateway knows of them. Called on any thread.
  std::function<std::vector<api::ProviderView>()> providers{};
  /// Who may ask. As it is made by default: this machine alone, under the names of the loopback interface.
  std::shared_ptr<const net::CurrentAccess> access = std::make_shared<const net::CurrentAccess>();
  /// What `GET /metrics` answers, in Prometheus's text format. Empty: there are none. Called on any thread.
  std::function<std::string()> metrics{};
  /// Whether the process wants no new work, so that `health/ready` says so before it accepts no more. Empty: only what
  /// the server knows. Called on any thread; does not block.
  std::function<bool()> stopping{};
  /// In front of every event's id. Apis that are made of copies of the same options have the same, and so the same ids.
  std::string boot = new_boot();
  std::size_t events_kept = control::events_kept;
  std::chrono::milliseconds feed_comment_time = control::feed_comment_time;
  std::chrono::milliseconds stop_grace = control::stop_grace;
  net::ServerOptions server{};
};

}  // namespace holdfast::control
