#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "holdfast/base/error.hpp"
#include "holdfast/net/access/tokens.hpp"
#include "holdfast/net/endpoint.hpp"
#include "holdfast/net/message.hpp"
#include "holdfast/net/server.hpp"
#include "holdfast/net/stream.hpp"

namespace holdfast::net {

struct AccessOptions {
  std::vector<TokenEntry> tokens{};
  /// What this may be called in the field `Host`, beside the names of the loopback interface: a name or address with
  /// any port, or with that one (`box:7411`).
  std::vector<std::string> hosts{};
  /// Without tokens, others than those on this machine may do everything, too: somebody said `insecure = true`.
  bool insecure = false;
};

/// Who asks, as far as it is known.
struct Caller {
  std::string token{};  ///< the name of the token; empty: there was none, and none was needed
};

/// Whether a request may be served. One place for everything that listens, so that no door is left open.
///
///     peer of a Unix socket ──────────────────────────────────────────────► admitted: its mode is the lock
///     Host is a loopback name, or one of `hosts`?  ──no──► forbidden   (a page whose name was pointed at this address:
///         DNS rebinding); without tokens `hosts` are no names for what looks at jobs or changes them   (a front)
///     changes something, and an Origin that is not this one's? ──► forbidden   (a page in the user's browser)
///     scope open? ────────────────────────────────────────────────────────► admitted
///     tokens: carries one? ──no──► unauthorized   allows the scope? ──no──► forbidden
///     no tokens: from this machine, or insecure? ──no──► unauthorized
///
/// Threads: any. Errors: values; their sentences name what is missing and never what was sent as a token.
class Access {
 public:
  /// No tokens: who is on this machine may do everything, under the names of the loopback interface.
  Access() = default;
  /// `Errc::config` where a token is none, or a host.
  static result<Access> make(AccessOptions options);

  result<Caller> admit(const Request& request, Scope wanted) const;
  result<Caller> admit(const RequestHead& request, const Peer& peer, Scope wanted) const;
  /// Why nobody should listen there with this; nothing where it is safe or somebody said that it is meant.
  std::optional<std::string> problem_with(const Endpoint& endpoint) const;
  const Tokens& tokens() const { return tokens_; }

 private:
  bool is_called(std::string_view host, Scope wanted) const;

  Tokens tokens_{};
  std::vector<std::string> hosts_{};
  bool insecure_ = false;
};

/// The access of a process, which is renewed while it serves. Everything that listens shares one, so that a token that
/// is taken away is taken away everywhere at once.
///
/// Threads: any. What `now` returns does not change: whoever needs it twice for one request keeps it.
class CurrentAccess {
 public:
  explicit CurrentAccess(Access access = {}) : access_(std::make_shared<const Access>(std::move(access))) {}

  std::shared_ptr<const Access> now() const {
    const std::lock_guard lock(mutex_);
    return access_;
  }
  /// For requests that begin from now on.
  void renew(Access access) {
    auto renewed = std::make_shared<const Access>(std::move(access));
    const std::lock_guard lock(mutex_);
    access_.swap(renewed);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Access> access_;
};

}  // namespace holdfast::net
