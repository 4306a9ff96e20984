#include <algorithm>
#include <functional>
#include <optional>

#include "holdfast/api/json.hpp"
#include "holdfast/api/requests.hpp"
#include "holdfast/base/id.hpp"
#include "holdfast/base/name.hpp"
#include "holdfast/control/handlers.hpp"
#include "holdfast/control/page.hpp"
#include "holdfast/control/views.hpp"

namespace holdfast::control {
namespace {

OperationState operation_of(const Call& call) {
  const std::string& id = call.path[0];
  auto state = call.gateway.provider_state(id);
  // The gateway also knows them by their correlation ids, which are not unique.
  if (!state || state->operation_id != id) throw Error(Errc::no_such_operation, "there is no operation " + id);
  return std::move(*state);
}

void add(std::vector<OperationState>& all, OperationState one) {
  const auto same = [&](const OperationState& each) { return each.operation_id == one.operation_id; };
  if (std::ranges::none_of(all, same)) all.push_back(std::move(one));
}

}  // namespace

Reply result_reply(const AnswerResult& result) {
  if (!result.applied && result.refused != Errc::ok) return problem_reply(api::problem_of(result));
  return json_reply(api::to_json(result));
}

Reply list_operations(const Call& call) {
  const std::string state = call.parameter("state"), job = call.parameter("job");
  if (!state.empty() && state != "active") {
    throw Error(Errc::invalid_argument, "parameter 'state' knows only 'active'");
  }
  const Page page(call);
  if (!page.after().empty() && !parse_operation_id(page.after())) throw page.bad_cursor();
  std::vector<OperationState> all = call.gateway.operations(job);
  // Questions after an error or an interruption are about operations that have ended.
  for (const Question& each : call.gateway.open_questions()) {
    if (!job.empty() && each.job_id != job) continue;
    if (auto asked = call.gateway.provider_state(each.operation_id)) add(all, std::move(*asked));
  }
  if (state.empty()) {
    for (OperationState& each : call.gateway.interrupted_operations(job))
      add(all, std::move(each));
  }
  // In the order of their ids, oldest first, so that a page goes on behind one that is there no more.
  std::erase_if(all, [&](const OperationState& each) { return each.operation_id <= page.after(); });
  std::ranges::sort(all, {}, &OperationState::operation_id);
  return page.reply("operations", all, std::mem_fn(&OperationState::operation_id),
                    [](const OperationState& each) { return api::to_json(view_of(each)); });
}

Reply show_operation(const Call& call) {
  return json_reply(api::to_json(view_of(operation_of(call))));
}

Reply answer_question(const Call& call) {
  Answer answer = checked(api::answer_from_json(call.path[0], call.body));
  answer.by = call.by(answer.by);
  answer.door = call.options.door;
  answer.idempotency_key = call.idempotency_key;
  return result_reply(call.gateway.answer(std::move(answer)));
}

Reply cancel_operation(const Call& call) {
  CancelRequest request = checked(api::cancel_from_json(call.body));
  request.operation_id = call.path[0];
  request.by = call.by(request.by);
  return result_reply(call.gateway.cancel(std::move(request)));
}

}  // namespace holdfast::control
