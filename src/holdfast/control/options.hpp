#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/api/json.hpp"
#include "holdfast/control/limits.hpp"
#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/server.hpp"

namespace holdfast::control {

/// What a token must allow before a request is answered.
enum class Scope : unsigned char {
  open,    ///< anybody: says nothing about jobs
  read,    ///< looks
  answer,  ///< answers questions, switches, cancels: what a person does to a running job
  admin,   ///< opens, locks, releases
};
/// "open", "read", "answer", "admin".
std::string_view name(Scope scope) noexcept;

/// Tells this process and these options from all others: random letters.
std::string new_boot();

struct ServiceOptions {
  net::Endpoint endpoint{};
  std::string door = "api";           ///< through which answers come, as records say it
  std::string patience = "balanced";  ///< of profiles that are asked for without one
  /// Who can serve a stage, as `GET /providers` tells it; empty: what the gateway knows of them. Called on any thread.
  std::function<std::vector<api::ProviderView>()> providers{};
  /// Whether a request may be answered; the failure (unauthorized, forbidden) is the answer where not. Empty: all may,
  /// which only a Unix socket allows. Called on the service's thread; does not block.
  std::function<std::optional<Failure>(const net::Request&, Scope)> authorize{};
  /// The names by which it may be called, without ports, against DNS rebinding. Empty: over TCP those of the loopback
  /// interface and the endpoint's own, over a Unix socket any.
  std::vector<std::string> hosts{};
  /// In front of every event's id. Apis that are made of copies of the same options have the same, and so the same ids.
  std::string boot = new_boot();
  std::size_t events_kept = control::events_kept;
  std::chrono::milliseconds feed_comment_time = control::feed_comment_time;
  std::chrono::milliseconds stop_grace = control::stop_grace;
  net::ServerOptions server{};
};

}  // namespace holdfast::control
