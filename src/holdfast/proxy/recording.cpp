#include "holdfast/proxy/recording.hpp"

#include "holdfast/proxy/options.hpp"

namespace holdfast::proxy {

Recording::~Recording() {
  *all_ -= bytes_.size();
}

void Recording::wait_with(net::Fields fields) {
  const std::lock_guard lock(mutex_);
  waiting_ = std::move(fields);
}

void Recording::begin(Head head) {
  const std::lock_guard lock(mutex_);
  head_ = std::move(head);
  tell();
}

void Recording::add(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  append(bytes);
  tell();
}

void Recording::whole(Head head, std::string_view body) {
  const std::lock_guard lock(mutex_);
  head_ = std::move(head);
  append(body);
  ended_ = true;
  tell();
}

void Recording::append(std::string_view bytes) {
  if (given_up_) return;
  if (bytes_.size() + bytes.size() > recording_bytes_max || *all_ + bytes.size() > recordings_bytes_max) {
    give_up();
  } else {
    *all_ += bytes.size();
    bytes_ += bytes;
  }
}

void Recording::end(std::optional<AnswerError> error) {
  const std::lock_guard lock(mutex_);
  if (ended_) return;
  ended_ = true;
  error_ = std::move(error);
  tell();
}

void Recording::give_up() {
  given_up_ = true;
  *all_ -= bytes_.size();
  bytes_ = {};
}

void Recording::tell() {
  if (on_news_) on_news_();
}

bool Recording::is_complete() const {
  const std::lock_guard lock(mutex_);
  return !given_up_;
}

net::Fields Recording::waiting_fields() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

Recording::News Recording::read(std::size_t from, bool has_head) const {
  const std::lock_guard lock(mutex_);
  if (given_up_) return {.lost = true};
  News news{.bytes = bytes_.substr(from), .ended = ended_, .error = error_};
  if (!has_head) news.head = head_;
  return news;
}

void Recording::on_news(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  on_news_ = std::move(call);
}

void Recording::on_left(std::function<void(bool)> call) {
  const std::lock_guard lock(mutex_);
  on_left_ = std::move(call);
}

bool Recording::left(bool timed_out) {
  const std::lock_guard lock(mutex_);
  on_news_ = nullptr;
  if (!on_left_) return false;
  on_left_(timed_out);
  return true;
}

}  // namespace holdfast::proxy
