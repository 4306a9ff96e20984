#include "holdfast/store/redact.hpp"

#include "holdfast/core/redact.hpp"

namespace holdfast::store {

News redacted(News news) {
  if (auto* ended = std::get_if<OperationEnded>(&news)) {
    ended->fault.message = redact(ended->fault.message);
    ended->fault.code = redact(ended->fault.code);
  } else if (auto* decision = std::get_if<FallbackDecision>(&news)) {
    if (decision->reason_code == ReasonCode::provider_fatal_error) {
      decision->additional_context = redact(decision->additional_context);
    }
  } else if (auto* opened = std::get_if<QuestionOpened>(&news)) {
    if (opened->question.kind != QuestionKind::stall) opened->question.evidence = redact(opened->question.evidence);
  }
  return news;
}

}  // namespace holdfast::store
