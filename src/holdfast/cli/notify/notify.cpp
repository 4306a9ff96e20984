#include "holdfast/cli/notify/notify.hpp"

#include <boost/asio/post.hpp>

#include "holdfast/api/json.hpp"
#include "holdfast/process/child.hpp"

namespace holdfast::cli {

Notifier::Notifier(Gateway& gateway, process::Spawner& spawner, std::vector<std::string> command,
                   std::optional<Webhook> webhook, std::function<void(const std::string&)> complain)
    : spawner_(spawner), command_(std::move(command)), complain_(std::move(complain)), webhook_(std::move(webhook)) {
  if (!command_.empty()) {
    ways_.emplace_back().tell = [this](const std::string&, const std::string& line) { run_command(line); };
  }
  if (webhook_) {
    ways_.emplace_back().tell = [this](const std::string& id, const std::string& line) {
      const auto why = webhook_->post(id, line, stop_.get_token());
      if (why && !stop_.stop_requested()) complain_("notify.webhook_url: " + *why);
    };
  }
  if (ways_.empty()) return;
  news_ = gateway.on_news([this](const Notice& notice) { hear(notice); });
}

Notifier::~Notifier() {
  news_.reset();
  stop_.request_stop();
  for (Way& way : ways_)
    way.thread.join();
}

void Notifier::hear(const Notice& notice) {
  const auto* opened = std::get_if<QuestionOpened>(notice.news.get());
  if (opened == nullptr) return;
  const std::string id = opened->question.operation_id + "-" + std::to_string(opened->question.ask);
  const std::string line = api::text(api::event_line(notice.seq, notice.time, *notice.news)) + "\n";
  for (Way& way : ways_) {
    if (way.waiting >= waiting_max) {
      complain_("notify: question " + id + " is not told: " + std::to_string(waiting_max) + " wait before it");
      continue;
    }
    ++way.waiting;
    boost::asio::post(way.thread, [&way, id, line] {
      way.tell(id, line);
      --way.waiting;
    });
  }
}

void Notifier::run_command(const std::string& line) {
  const process::Command command{.argv = command_, .stdin_bytes = line, .stdout_file = "/dev/null"};
  const auto ended = process::run(spawner_, command, stop_.get_token(), {});
  if (stop_.stop_requested()) return;
  if (!ended) return complain_("notify.command: " + ended.error().message);
  if (!ended->succeeded) complain_("notify.command: " + ended->describe());
}

}  // namespace holdfast::cli
