#include "holdfast/cli/notify.hpp"

#include <boost/asio/post.hpp>

#include "holdfast/api/json.hpp"
#include "holdfast/process/child.hpp"

namespace holdfast::cli {

Notifier::Notifier(Gateway& gateway, process::Spawner& spawner, std::vector<std::string> command,
                   std::function<void(const std::string&)> complain)
    : spawner_(spawner), command_(std::move(command)), complain_(std::move(complain)) {
  if (command_.empty()) return;
  news_ = gateway.on_news([this](const Notice& notice) {
    if (!std::holds_alternative<QuestionOpened>(*notice.news) || waiting_ >= waiting_max) return;
    ++waiting_;
    boost::asio::post(thread_, [this, line = api::text(api::event_line(notice.seq, notice.time, *notice.news)) + "\n"] {
      tell(line);
      --waiting_;
    });
  });
}

Notifier::~Notifier() {
  news_.reset();
  stop_.request_stop();
  thread_.join();
}

void Notifier::tell(const std::string& line) {
  const process::Command command{.argv = command_, .stdin_bytes = line, .stdout_file = "/dev/null"};
  const auto ended = process::run(spawner_, command, stop_.get_token(), {});
  if (stop_.stop_requested()) return;
  if (!ended) return complain_("notify.command: " + ended.error().message);
  if (!ended->succeeded) complain_("notify.command: " + ended->describe());
}

}  // namespace holdfast::cli
