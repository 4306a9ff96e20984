#include "holdfast/cli/view.hpp"

#include "holdfast/base/wall_time.hpp"
#include "holdfast/cli/line/session.hpp"
#include "holdfast/cli/screen/display_text.hpp"

namespace holdfast::cli {
namespace {

/// A second Ctrl-C within this time means it.
constexpr milliseconds interrupt_again{5000};

/// A reader that is gone (a closed pipe, a closed terminal) is no reason to stop a job.
void print_line(std::FILE* out, const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), out);
  std::fputc('\n', out);
  std::fflush(out);
}

}  // namespace

void View::begin(const JobRow&, const std::vector<api::OperationView>&, milliseconds) {}
void View::watch(std::vector<api::OperationView>, milliseconds) {}
void View::input_ready(milliseconds) {}
void View::hung_up() {}
void View::resized(milliseconds) {}
void View::finished(milliseconds) {}

void JsonView::hear(const Notice& notice, milliseconds) {
  print_line(out_, api::text(api::event_line(notice.seq, notice.time, *notice.news)));
}

void JsonView::interrupted(milliseconds) {
  control_.cancel(user_name());
}

void PlainView::hear(const Notice& notice, milliseconds at) {
  if (const auto* started = std::get_if<StageStarted>(notice.news.get())) {
    items_[{started->job_id, started->stage_name}] = started->items;
  }
  const std::string& job = job_of(*notice.news);
  const auto items = [this, &job](const std::string& stage) {
    const auto known = items_.find({job, stage});
    return known == items_.end() ? 0 : known->second;
  };
  if (const auto* given = std::get_if<ConsentGiven>(notice.news.get())) consents_[job].push_back(given->consent);
  if (std::holds_alternative<JobClosed>(*notice.news)) {
    consents_.erase(job);
    met_.erase(job);
  }
  const std::string line = told(*notice.news, wording_, items);
  if (!line.empty()) print(notice.time, line);
  const auto* opened = std::get_if<QuestionOpened>(notice.news.get());
  if (opened == nullptr) return;
  meet(job, at);
  const Question& question = opened->question;
  for (const std::string& each : told_question(question, manner_.holdfast, items(question.stage_name)))
    print(notice.time, each);
  for (const std::string& each : unattended_advice(question, consents_[job]))
    print(notice.time, each);
}

void PlainView::begin(const JobRow& job, const std::vector<api::OperationView>&, milliseconds) {
  for (const StageRow& each : job.stages)
    items_[{job.job_id, each.stage_name}] = each.items;
  if (!job.consents.empty()) consents_[job.job_id] = job.consents;
  met_.insert(job.job_id);
}

/// What is not known of it goes untold: the questions are what counts.
void PlainView::meet(const std::string& job_id, milliseconds at) {
  if (!manner_.look_up || !met_.insert(job_id).second) return;
  try {
    if (const auto job = manner_.look_up(job_id)) begin(*job, {}, at);
  } catch (const std::exception&) {
    return;
  }
}

void PlainView::interrupted(milliseconds at) {
  if (manner_.interrupt_asks && (!interrupted_at_ || at - *interrupted_at_ > interrupt_again)) {
    interrupted_at_ = at;
    return print("Cancel the job? Press Ctrl-C again within 5 s; otherwise it goes on.");
  }
  print("cancelling: what is finished is kept");
  control_.cancel(user_name());
}

void PlainView::print(const std::string& text) const {
  print(std::chrono::floor<milliseconds>(std::chrono::system_clock::now()), text);
}

void PlainView::print(WallTime time, const std::string& text) const {
  print_line(out_, rfc3339_seconds(time) + "  " + (manner_.utf8 ? text : ascii_signs(text)));
}

std::vector<std::string> unattended_advice(const Question& question, const std::vector<StandingConsent>& consents) {
  const std::string outlook = told_outlook(question, consents, question.silence);
  if (!outlook.empty()) return {outlook};
  if (question.kind == QuestionKind::stall) {
    return {"The job waits: it goes on by itself when the provider makes progress. Nothing is switched or cancelled.",
            "To decide in advance: --consent 'stall after 10m: switch to NAME', --consent 'stall after 10m: cancel', "
            "or --on-stall cancel."};
  }
  if (question.kind == QuestionKind::interrupted) {
    return {"The job waits. Nothing is sent again by itself; Ctrl-C or SIGTERM cancels it."};
  }
  return {"The job waits. Nothing is switched or cancelled by itself; Ctrl-C or SIGTERM cancels it.",
          "To decide in advance: --on-error fail, --consent 'error: switch to NAME' or --consent 'error: cancel'."};
}

std::string command_elsewhere(const Session& session) {
  return session.store.starts_with("memory:") ? "" : shell_line(session.command);
}

void show_lock(StageLine& line, const std::vector<ProviderLock>& locks) {
  for (const ProviderLock& lock : locks) {
    if (!lock.active() || !lock.governed().contains(line.name)) continue;
    line.provider = lock.provider_name;
    line.provider_type = lock.provider_type;
    line.locked = true;
    line.absolute = !lock.overridable;
  }
}

CategoryWording wording_of(const TimeoutProfiles& profiles) {
  return [profiles](LatencyCategory category, const std::string& type, const std::string& provider) {
    const CategoryMessage message = profiles.message(category);
    return CategoryWords{message.status_label, message.hint_for(provider, type)};
  };
}

}  // namespace holdfast::cli
