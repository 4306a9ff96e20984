#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "holdfast/base/instant.hpp"
#include "holdfast/net/fault.hpp"
#include "holdfast/net/message.hpp"
#include "holdfast/net/pool.hpp"

namespace holdfast::providers {

/// Who hears the answer while it comes. On the thread of `exchange`.
class AnswerListener {
 public:
  virtual ~AnswerListener() = default;
  /// There is a connection, and the request leaves.
  virtual void connected() {}
  virtual void head(const net::ResponseHead& head) = 0;
  /// A piece of the body. False: no more of it is wanted; the connection is closed, and that is a success.
  virtual bool bytes(std::string_view bytes) = 0;
};

/// How far a call had come when it ended.
enum class CallPhase : unsigned char { connecting, asking, reading };

struct CallEnd {
  net::error_code error{};  ///< none: the answer came to its end
  CallPhase phase = CallPhase::connecting;
};

/// One request on a connection of its own, for those who have a thread to wait on: blocks until the answer has ended.
///
/// `stop` closes the connection at once, whatever is waited for: the name, the connection, TLS, the head, the body.
/// No time limit but `total_time`, after which the error is `Fault::timed_out`: how long a provider may be silent is
/// decided elsewhere. Follows no redirection.
/// Threads: any, several at once. Errors: in what is returned; after a stop, any. Throws only what the listener throws.
CallEnd exchange(const net::Connector& connector, const net::RequestHead& head, const std::string& body,
                 AnswerListener& listener, const std::stop_token& stop, std::optional<milliseconds> total_time = {});

}  // namespace holdfast::providers
