#include "holdfast/core/effect.hpp"

namespace holdfast {
namespace {

struct Describe {
  std::string operator()(const effect::Reply& order) const {
    std::string out = "Reply " + std::to_string(order.ticket.value) + ": ";
    if (const auto* failure = std::get_if<Failure>(&order.value)) return out + std::string(name(failure->code));
    if (const auto* answer = std::get_if<AnswerResult>(&order.value)) {
      return out + (answer->applied ? "applied" : std::string(name(answer->refused))) +
             (answer->recorded ? "" : ", not recorded");
    }
    if (const auto* changed = std::get_if<bool>(&order.value)) return out + (*changed ? "true" : "false");
    if (const auto* lock = std::get_if<ProviderLock>(&order.value)) return out + lock->text();
    return out + "decision";
  }
  std::string operator()(const effect::Save& order) const {
    std::string out = "Save " + std::to_string(order.save.value) + ":";
    for (const News& record : order.records)
      out += " " + std::string(event_name(record));
    return out;
  }
  std::string operator()(const effect::LookUp& order) const { return "LookUp " + std::to_string(order.save.value); }
  std::string operator()(const effect::LoadJob& order) const { return "LoadJob " + order.job_id; }
  std::string operator()(const effect::OpenCall& order) const {
    return "OpenCall " + text(order.operation) + " " + order.stage_name + " at " + order.provider_name + ", epoch " +
           std::to_string(order.epoch);
  }
  std::string operator()(const effect::CancelCall& order) const {
    return "CancelCall " + text(order.operation) + " " + std::string(name(order.why));
  }
  std::string operator()(const effect::Watch& order) const {
    return "Watch " + text(order.operation) + " for " +
           (order.silence_limit ? std::to_string(order.silence_limit->count()) + " ms" : "ever") +
           (order.armed ? ", armed" : "");
  }
  std::string operator()(const effect::WatchCategory& order) const { return "WatchCategory " + text(order.operation); }
  std::string operator()(const effect::EndWatch& order) const { return "EndWatch " + text(order.operation); }
  std::string operator()(const effect::Announce& order) const {
    return "Announce " + std::string(event_name(order.news));
  }
};

}  // namespace

std::string describe(const Effect& effect) {
  return std::visit(Describe{}, effect);
}

}  // namespace holdfast
