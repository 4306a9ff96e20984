#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "holdfast/base/error.hpp"
#include "holdfast/net/endpoint.hpp"

namespace holdfast::net {

/// Whom a connection belongs to: what may be sent over one may be sent over any other of the same origin.
struct Origin {
  bool tls = false;
  std::string host = {};  ///< a name in lower case, or an address without brackets
  std::uint16_t port = 0;

  /// "https://api.openai.com", with the port where it is not the scheme's own.
  std::string text() const;
  /// For the field `Host`: as in `text()`.
  std::string host_field() const;
  Endpoint endpoint() const { return {.host = host, .port = port}; }
  bool operator==(const Origin&) const = default;
};

/// An origin, and what stands in front of every path there.
struct BaseUrl {
  Origin origin = {};
  std::string path = {};  ///< "/v1", as it was written and without a slash at its end; empty where there is none
};

/// `https://api.openai.com/v1`, `http://127.0.0.1:11434`, `http://[::1]:8080/`.
///
/// Strict, since a key is sent to whatever this names: http or https, a host, a port from 1 to 65535, a path that
/// `split_path` takes. No user, no query, no fragment, nothing but visible ASCII. `Errc::invalid_argument` with a
/// sentence that repeats nothing of the text, which may hold a secret. Pure.
result<BaseUrl> parse_origin(std::string_view url);

}  // namespace holdfast::net
