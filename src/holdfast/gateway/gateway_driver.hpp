#pragma once

// What the gateway's tests share.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <source_location>
#include <stdexcept>
#include <thread>

#include "holdfast/gateway/gateway.hpp"
#include "holdfast/store/memory.hpp"

namespace holdfast {

/// What has not come by then never will, on the slowest machine and under a sanitizer.
inline constexpr std::chrono::seconds wait_max{60};

/// Waits until `condition` holds. Where it never does, the test fails with the place of the call: said at once, for
/// what the exception meets on its way out may itself wait for what does not come.
template <class Condition>
void wait_for(Condition condition, std::source_location where = std::source_location::current()) {
  const auto deadline = std::chrono::steady_clock::now() + wait_max;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      const std::string words = "waited " + std::to_string(wait_max.count()) + " s for what never came";
      ADD_FAILURE_AT(where.file_name(), static_cast<int>(where.line())) << words;
      throw std::runtime_error(words);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

/// Whether `condition` comes to hold, for what would never end otherwise where it is at fault.
template <class Condition>
bool soon(Condition condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

/// The code of the `Error` that `action` throws; ok where it throws none.
template <class Action>
Errc thrown(Action action) {
  try {
    action();
    return Errc::ok;
  } catch (const Error& error) {
    return error.errc();
  }
}

inline OperationRequest request() {
  return {.job_id = "job",
          .provider_name = "Ollama",
          .provider_type = "local_llm",
          .stage_name = "script-generation",
          .correlation_id = "corr"};
}

/// A provider that is silent until it is told to go on or is stopped, watched with a stall threshold of 1 ms; the
/// sweep finds it.
class SilentProvider {
 public:
  explicit SilentProvider(Gateway& gateway, OperationRequest asked = request())
      : stalls_(gateway.on_stall_suspected([this](const StallSuspected& stall) {
          if (!told_.exchange(true)) stalled_.set_value(stall);
        })),
        call_(std::async(std::launch::async, [this, &gateway, asked] {
          return thrown([&] {
            gateway.execute_with_patience(
                asked, pushed_heartbeat({.interval = milliseconds(1), .stall_multiplier = 1.0}),
                [this](OperationContext& operation) {
                  wait_for([&] { return resume_ || finish_ || operation.stop_token().stop_requested(); });
                  if (resume_) operation.progress().tokens(1);
                  wait_for([&] { return finish_ || operation.stop_token().stop_requested(); });
                });
          });
        })) {}
  ~SilentProvider() { finish_ = true; }

  StallSuspected stall() { return stalled_.get_future().get(); }
  void resume() { resume_ = true; }
  void finish() { finish_ = true; }
  Errc outcome() { return call_.get(); }

 private:
  std::promise<StallSuspected> stalled_;
  std::atomic<bool> told_ = false, resume_ = false, finish_ = false;
  Subscription stalls_;
  std::future<Errc> call_;
};

/// A store that does what it is told: fails, says that it does not know, or works.
class ScriptedStore final : public store::Memory {
 public:
  enum class Mode { works, fails, unknown_saved, unknown_lost };

  std::vector<store::Outcome> commit(std::span<const store::Transaction> transactions) override {
    std::vector<store::Outcome> outcomes;
    for (const store::Transaction& each : transactions) {
      switch (mode.load()) {
        case Mode::works:
          outcomes.push_back(Memory::commit(std::span(&each, 1))[0]);
          break;
        case Mode::fails:
          outcomes.push_back({store::Outcome::Kind::failed, "disk full"});
          break;
        case Mode::unknown_saved:
          Memory::commit(std::span(&each, 1));
          found_ = true;
          outcomes.push_back({store::Outcome::Kind::unknown, "connection lost"});
          break;
        case Mode::unknown_lost:
          found_ = false;
          outcomes.push_back({store::Outcome::Kind::unknown, "connection lost"});
          break;
      }
    }
    return outcomes;
  }
  result<bool> contains(SaveId) override { return found_; }
  result<std::optional<event::JobImage>> load(const std::string& job) override {
    if (mode == Mode::fails) return Failure{Errc::store_unavailable, "disk full"};
    return Memory::load(job);
  }

  std::atomic<Mode> mode{Mode::works};

 private:
  bool found_ = false;
};

}  // namespace holdfast
