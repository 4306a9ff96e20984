#include "holdfast/net/fault.hpp"

#include <boost/asio/error.hpp>

namespace holdfast::net {
namespace {

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "holdfast.net"; }
  std::string message(int value) const override {
    switch (static_cast<Fault>(value)) {
      case Fault::malformed:
        return "the peer does not speak HTTP as it must";
      case Fault::head_too_large:
        return "the head of the message is too large";
      case Fault::body_too_large:
        return "the body of the message is too large";
      case Fault::truncated:
        return "the connection ended in the middle of the message";
      case Fault::timed_out:
        return "it took too long";
      case Fault::closed:
        return "the connection was closed before an answer began";
      case Fault::misused:
        return "not possible at this point of the conversation";
    }
    return "unknown";
  }
};

Errc reaction(const error_code& error) {
  if (error == Fault::truncated) return Errc::truncated;
  if (error == Fault::head_too_large || error == Fault::body_too_large) return Errc::too_large;
  if (error == Fault::malformed) return Errc::provider_failed;
  if (error == Fault::misused) return Errc::invalid_argument;
  if (error == boost::asio::error::operation_aborted) return Errc::cancelled;
  return Errc::provider_unreachable;
}

}  // namespace

const boost::system::error_category& fault_category() noexcept {
  static const Category category;
  return category;
}

Failure failure(const error_code& error, const std::string& what) {
  return {.code = reaction(error), .message = "cannot " + what + ": " + error.message()};
}

}  // namespace holdfast::net
