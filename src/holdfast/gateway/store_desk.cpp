#include "holdfast/gateway/store_desk.hpp"

#include <boost/asio/post.hpp>

#include "holdfast/base/check.hpp"
#include "holdfast/core/limits.hpp"
#include "holdfast/gateway/clock.hpp"
#include "holdfast/gateway/thread_name.hpp"

namespace holdfast::gateway {

StoreDesk::StoreDesk(std::unique_ptr<store::Store> store, SharedInbox inbox,
                     std::function<void(std::vector<Event>)> deliver, Measure on_commit)
    : store_(std::move(store)),
      inbox_(std::move(inbox)),
      deliver_(std::move(deliver)),
      on_commit_(std::move(on_commit)),
      gathering_(inbox_->io()),
      unread_timer_(inbox_->io()) {
  boost::asio::post(thread_, [] { name_this_thread("hf-store"); });
}

StoreDesk::~StoreDesk() {
  thread_.join();
  (void)store_->let_go();  // where it fails, whoever comes next sees that this process is gone
}

void StoreDesk::save(store::Transaction transaction) {
  add(std::move(transaction));
}
void StoreDesk::look_up(SaveId save) {
  add(LookUp{save});
}
void StoreDesk::load(std::string job_id) {
  add(Load{std::move(job_id)});
}
void StoreDesk::read(std::function<void(store::Store&)> read) {
  add(std::move(read));
}

void StoreDesk::add(Task task) {
  waiting_.push_back(std::move(task));
  flush();
}

void StoreDesk::flush() {
  if (busy_ || waiting_.empty()) return;
  busy_ = true;
  boost::asio::post(thread_, [this, tasks = std::exchange(waiting_, {})]() mutable {
    Worked worked = work(std::move(tasks));
    inbox_->post([this, worked = std::move(worked)]() mutable {
      const std::size_t answered = worked.events.size();
      if (!worked.unread.empty()) look_up_later(std::move(worked.unread));
      deliver_(std::move(worked.events));  // what follows from them goes into one commit
      if (answered < 2 || waiting_.size() * 2 >= answered) return go_on();
      gathering_.expires_after(gather_time);
      gathering_.async_wait([this](const boost::system::error_code&) { inbox_->post([this] { go_on(); }); });
    });
  });
}

void StoreDesk::go_on() {
  busy_ = false;
  flush();
}

void StoreDesk::look_up_later(std::vector<SaveId> unread) {
  const bool due = !unread_.empty();
  unread_.insert(unread_.end(), unread.begin(), unread.end());
  if (due) return;
  unread_timer_.expires_after(limits::backlog_retry);
  unread_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    inbox_->post([this] {
      for (const SaveId save : std::exchange(unread_, {}))
        look_up(save);
    });
  });
}

void StoreDesk::commit(std::vector<store::Transaction>& batch, std::vector<Event>& out) {
  if (batch.empty()) return;
  std::vector<store::Outcome> outcomes;
  const Instant begun = instant_now();
  try {
    outcomes = store_->commit(batch);
  } catch (const std::exception& error) {
    // A store that throws says nothing about what it has done.
    outcomes.assign(batch.size(), {store::Outcome::Kind::unknown, error.what()});
  }
  if (on_commit_) on_commit_(instant_now() - begun);
  HOLDFAST_CHECK(outcomes.size() == batch.size(), "a store gives one outcome for each transaction");
  for (std::size_t i = 0; i < batch.size(); ++i) {
    switch (outcomes[i].kind) {
      case store::Outcome::Kind::saved:
        out.push_back(event::Saved{batch[i].save});
        break;
      case store::Outcome::Kind::failed:
        out.push_back(event::SaveFailed{batch[i].save, outcomes[i].why, outcomes[i].code});
        break;
      case store::Outcome::Kind::unknown:
        out.push_back(event::SaveUnknown{batch[i].save});
        break;
    }
  }
  batch.clear();
}

StoreDesk::Worked StoreDesk::work(std::vector<Task> tasks) {
  Worked worked;
  std::vector<Event>& out = worked.events;
  std::vector<store::Transaction> batch;
  std::vector<Task> reads;
  for (Task& task : tasks) {
    if (auto* transaction = std::get_if<store::Transaction>(&task)) {
      batch.push_back(std::move(*transaction));
      continue;
    }
    if (!std::holds_alternative<LookUp>(task)) {
      reads.push_back(std::move(task));
      continue;
    }
    commit(batch, out);  // what became of the last one is known before the next is begun
    const SaveId save = std::get<LookUp>(task).save;
    const auto found = store_->contains(save);
    if (found) {
      out.push_back(event::SaveLookedUp{save, *found});
    } else {
      worked.unread.push_back(save);
    }
  }
  commit(batch, out);
  // Behind what was ordered before them, and a group is not ended by each of them. What was ordered after them changes
  // no job that is being read: its commands wait.
  for (Task& task : reads) {
    const auto* load = std::get_if<Load>(&task);
    if (load == nullptr) {
      std::get<std::function<void(store::Store&)>>(task)(*store_);
    } else if (auto image = store_->load(load->job_id)) {
      out.push_back(event::JobLoaded{load->job_id, std::move(*image)});
    } else {
      out.push_back(event::JobLoadFailed{load->job_id, image.error().message, image.error().code});
    }
  }
  return worked;
}

}  // namespace holdfast::gateway
