#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/base/error.hpp"
#include "holdfast/core/question.hpp"

namespace holdfast::api {

/// A refusal as RFC 9457 has it: what `application/problem+json` holds.
struct Problem {
  Errc code = Errc::invalid_argument;
  int status = 400;
  std::string detail{};
  std::string winning_option{};  ///< already_answered: the answer that was first
};

/// With the status of the code.
Problem problem_of(Errc code, std::string detail);
/// A refused answer or cancel.
Problem problem_of(const AnswerResult& refused);

/// {"type", "title", "status", "detail", "code"}, and "winningOption" where there is one.
boost::json::object to_json(const Problem& problem);
/// The way back; nothing where it is no problem of ours.
std::optional<Problem> problem_from_json(std::string_view text);

}  // namespace holdfast::api
