#pragma once

#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/api/json.hpp"
#include "holdfast/cli/line/session.hpp"
#include "holdfast/cli/screen/board.hpp"
#include "holdfast/gateway/gateway.hpp"

namespace holdfast::cli {

/// What a view can do to the job that it shows.
struct JobControl {
  std::function<AnswerResult(Answer)> answer{};
  /// Cancels the job, confirmed by whoever `by` names.
  std::function<void(const std::string& by)> cancel{};
  /// Stops showing it: set where the job is another process's, so that Ctrl-C is no wish to end it.
  std::function<void()> leave{};
};

/// Shows a running job. Called on one thread; times are since the run began.
class View {
 public:
  virtual ~View() = default;
  virtual void hear(const Notice& notice, milliseconds at) = 0;
  /// A job that was there before anybody listened, and what runs of it.
  virtual void begin(const JobRow& job, const std::vector<api::OperationView>& operations, milliseconds at);
  /// Operations as they stand, several times a second.
  virtual void watch(std::vector<api::OperationView> operations, milliseconds at);
  /// A descriptor to poll for keys; -1: none.
  virtual int input() const { return -1; }
  virtual void input_ready(milliseconds at);
  /// SIGINT came.
  virtual void interrupted(milliseconds at) = 0;
  /// The terminal is gone; the job goes on.
  virtual void hung_up();
  virtual void resized(milliseconds at);
  /// Nothing more will happen.
  virtual void finished(milliseconds at);
  /// Whether `watch` is wanted.
  virtual bool live() const { return false; }
};

/// One line of JSON an event.
class JsonView : public View {
 public:
  JsonView(std::FILE* out, JobControl control) : out_(out), control_(std::move(control)) {}
  void hear(const Notice& notice, milliseconds at) override;
  void interrupted(milliseconds at) override;

 private:
  std::FILE* out_;
  JobControl control_;
};

/// One line of text for each event worth it, with its time.
class PlainView : public View {
 public:
  struct Manner {
    /// SIGINT comes from a person at a terminal, who is asked to press it again.
    bool interrupt_asks = false;
    bool utf8 = true;
    /// How a command that answers begins; empty: no other process can answer.
    std::string holdfast{};
    /// A job that was there before anybody listened, asked for at its first question; empty: there is none.
    std::function<std::optional<JobRow>(const std::string& job_id)> look_up{};
  };
  PlainView(std::FILE* out, CategoryWording wording, JobControl control, Manner manner)
      : out_(out), wording_(std::move(wording)), control_(std::move(control)), manner_(std::move(manner)) {}
  void hear(const Notice& notice, milliseconds at) override;
  void begin(const JobRow& job, const std::vector<api::OperationView>& operations, milliseconds at) override;
  void interrupted(milliseconds at) override;

 private:
  void meet(const std::string& job_id, milliseconds at);
  void print(const std::string& text) const;
  void print(WallTime time, const std::string& text) const;

  std::FILE* out_;
  CategoryWording wording_;
  JobControl control_;
  Manner manner_;
  std::optional<milliseconds> interrupted_at_{};
  std::map<std::pair<std::string, std::string>, std::size_t> items_{};  ///< how many a job's stage has
  std::map<std::string, std::vector<StandingConsent>> consents_{};      ///< of jobs that are not over
  std::set<std::string> met_{};  ///< of them: those that were begun with or looked up
};

/// What an unattended run is told about a question: that the job waits, and how to decide in advance; or what a consent
/// will do.
std::vector<std::string> unattended_advice(const Question& question, const std::vector<StandingConsent>& consents = {});

/// How `holdfast answer` is called from another terminal; empty where none can reach the job: its store is in memory.
std::string command_elsewhere(const Session& session);

/// Who may serve the stage, where a lock of the job says so.
void show_lock(StageLine& line, const std::vector<ProviderLock>& locks);

/// The words of the profiles.
CategoryWording wording_of(const TimeoutProfiles& profiles);

}  // namespace holdfast::cli
