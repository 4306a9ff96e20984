#pragma once

#include <boost/system/error_code.hpp>
#include <string>

#include "holdfast/base/error.hpp"

namespace holdfast::net {

/// What the operating system, Asio and this module report. Compare with `Fault` or `boost::asio::error`.
using error_code = boost::system::error_code;

/// What can be wrong with a conversation that the operating system sees nothing wrong with.
enum class Fault {
  malformed = 1,   ///< the peer does not speak HTTP as it must, or a field cannot be written down
  head_too_large,  ///< a limit of `HeadLimits`
  body_too_large,  ///< more than the reader of the body allowed
  truncated,       ///< the stream ended before the message did: never a success
  timed_out,       ///< a time of the options ran out
  closed,          ///< the stream ended before the first byte of an answer: the request may be sent again elsewhere
  misused,         ///< a function was called in the wrong order, or after the end
};

const boost::system::error_category& fault_category() noexcept;
inline error_code make_error_code(Fault fault) noexcept {
  return {static_cast<int>(fault), fault_category()};
}

/// An error code as an outcome for whoever is not interested in sockets: `what` is what was tried ("connect to X").
Failure failure(const error_code& error, const std::string& what);

}  // namespace holdfast::net

template <>
struct boost::system::is_error_code_enum<holdfast::net::Fault> : std::true_type {};
