#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/base/error.hpp"
#include "holdfast/net/message.hpp"
#include "holdfast/wire/route.hpp"

/// Whom and what a client's request is for. Pure.
namespace holdfast::proxy {

enum class OnStall : unsigned char { ask, wait, cancel };
enum class OnDisconnect : unsigned char { cancel, detach };

struct Address {
  std::string job{};    ///< empty: anonymous
  std::string stage{};  ///< never empty: what was said, else the kind of what is asked for
  bool stage_was_said = false;
  std::string path{};      ///< behind the prefix, as it was sent
  std::string query{};     ///< as it was sent, without the question mark
  std::string provider{};  ///< empty: not said
  std::string patience{};
  std::string correlation_id{};  ///< as it was said, else the trace id of a valid `traceparent`, else empty
  OnStall on_stall = OnStall::ask;
  OnDisconnect on_disconnect = OnDisconnect::cancel;
  /// `x-stainless-retry-count`, of the SDKs of OpenAI and Anthropic: the first attempt is 0. Absent: not one of them.
  std::optional<unsigned> retry_count{};
  /// How long the client waits, where it says so: `x-stainless-timeout`, `x-stainless-read-timeout`; the shorter.
  std::optional<std::chrono::seconds> announced_wait{};
  wire::Route route{};
  bool known_path = false;  ///< some dialect has such a path
};

/// Reads the prefix `/jobs/JOB[/stages/STAGE]`, the fields `Holdfast-…`, `x-stainless-…` and `traceparent`. `segments`:
/// of the whole path, decoded. What an SDK says of itself and cannot be read is ignored.
///
/// Failures, all `invalid_argument`: a prefix and a field that contradict each other, a name that is none, a word that
/// is not known. Their message names the field and says what would be right.
result<Address> address_of(std::string_view method, std::string_view path, std::string_view query,
                           const net::Fields& fields);

}  // namespace holdfast::proxy
