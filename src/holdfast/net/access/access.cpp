#include "holdfast/net/access/access.hpp"

#include <algorithm>
#include <array>

#include "holdfast/net/target.hpp"

namespace holdfast::net {
namespace {

constexpr std::array loopback_names = {"localhost", "127.0.0.1", "[::1]"};

Failure forbidden(std::string message) {
  return {.code = Errc::forbidden, .message = std::move(message)};
}

/// The name in front of the port, an IPv6 address with its brackets.
std::string_view name_in(std::string_view host) {
  if (host.starts_with('[')) return host.substr(0, std::min(host.find(']') + 1, host.size()));
  return host.substr(0, host.find(':'));
}

/// What was sent, as far as a sentence may show it.
std::string shown(std::string_view text) {
  return "'" + std::string(text.substr(0, 80)) + "'";
}

bool changes(std::string_view method) {
  return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

/// Whether a page of this very server sent it. Browsers always say where a request that changes something comes from;
/// other clients say nothing. The scheme is not compared: who ends TLS in front of this knows it better.
bool is_own_origin(std::string_view origin, std::string_view host) {
  const std::size_t colon = origin.find("://");
  return colon != std::string_view::npos && same_word(origin.substr(colon + 3), host);
}

bool is_unix(const Peer& peer) {
  return peer.user.has_value() || peer.text.starts_with("unix");
}

}  // namespace

result<Access> Access::make(AccessOptions options) {
  Access out;
  auto tokens = Tokens::make(options.tokens);
  if (!tokens) return tokens.error();
  out.tokens_ = std::move(*tokens);
  out.insecure_ = options.insecure;
  for (const std::string& each : options.hosts) {
    std::string host = as_host(each);
    if (!is_host(host))
      return Failure{.code = Errc::config, .message = "hosts: '" + each + "' is no name and no address"};
    out.hosts_.push_back(std::move(host));
  }
  return out;
}

bool Access::is_called(std::string_view host, Scope wanted) const {
  const std::string_view name = name_in(host);
  if (std::ranges::any_of(loopback_names, [&](std::string_view each) { return same_word(each, name); })) return true;
  // Behind a front everybody comes from this machine: what nothing else guards has none of the front's names.
  const bool guarded = wanted != Scope::open && wanted != Scope::proxy;
  if (guarded && tokens_.empty() && !insecure_) return false;
  return std::ranges::any_of(hosts_, [&](std::string_view allowed) {
    return same_word(allowed, name_in(allowed).size() == allowed.size() ? name : host);
  });
}

result<Caller> Access::admit(const Request& request, Scope wanted) const {
  return admit(request.head(), request.peer(), wanted);
}

result<Caller> Access::admit(const RequestHead& request, const Peer& peer, Scope wanted) const {
  if (is_unix(peer)) return Caller{};
  const std::string_view host = request.fields.find("Host").value_or("");
  if (!is_called(host, wanted)) {
    if (is_called(host, Scope::proxy)) {
      return forbidden("without tokens this answers only to the names of the loopback interface, not to " +
                       shown(host) + " (the field Host)");
    }
    return forbidden("this is not called " + shown(host) + " (the field Host); server.hosts says what it is called");
  }
  if (const auto origin = request.fields.find("Origin");
      origin && changes(request.method) && !is_own_origin(*origin, host)) {
    return forbidden("a page of " + shown(*origin) + " may change nothing here (the field Origin)");
  }
  if (wanted == Scope::open) return Caller{};
  if (tokens_.empty()) {
    if (insecure_ || is_loopback(peer.text)) return Caller{};
    return Failure{.code = Errc::unauthorized,
                   .message = "there are no tokens here, so only programs on this machine may ask"};
  }
  const auto match = tokens_.find(request.fields);
  if (!match) {
    return Failure{.code = Errc::unauthorized,
                   .message = "this needs a token that allows '" + std::string(name(wanted)) +
                              "', sent as Authorization: Bearer, x-api-key or xi-api-key"};
  }
  if (!match->allows(wanted)) {
    return forbidden("the token '" + match->name + "' does not allow '" + std::string(name(wanted)) + "'");
  }
  return Caller{.token = match->name};
}

std::optional<std::string> Access::problem_with(const Endpoint& endpoint) const {
  if (endpoint.is_unix() || insecure_ || !tokens_.empty() || is_loopback(endpoint.host)) return std::nullopt;
  return endpoint.text() + " can be reached from other machines: it needs tokens, or insecure = true";
}

}  // namespace holdfast::net
