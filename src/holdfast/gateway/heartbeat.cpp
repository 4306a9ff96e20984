#include "holdfast/gateway/heartbeat.hpp"

namespace holdfast {
namespace {

/// One number, asked for by a function, put into one field of `Progress`.
template <class Number, std::optional<Number> Progress::* field>
class Counting final : public HeartbeatStrategy {
 public:
  Counting(std::function<Number()> count, HeartbeatOptions options) : count_(std::move(count)), options_(options) {}

  Progress pull(std::stop_token) override {
    Progress progress;
    progress.*field = count_();
    return progress;
  }
  HeartbeatOptions options() const override { return options_; }

 private:
  std::function<Number()> count_;
  HeartbeatOptions options_;
};

class Silent final : public HeartbeatStrategy {
 public:
  Progress pull(std::stop_token) override { return {}; }
  bool gives_heartbeats() const override { return false; }
};

class Pushed final : public HeartbeatStrategy {
 public:
  explicit Pushed(HeartbeatOptions options) : options_(options) {}

  Progress pull(std::stop_token) override { return {}; }
  bool pulled() const override { return false; }
  HeartbeatOptions options() const override { return options_; }

 private:
  HeartbeatOptions options_;
};

}  // namespace

SharedHeartbeat llm_streaming_heartbeat(std::function<std::int64_t()> count_tokens, HeartbeatOptions options) {
  return std::make_shared<Counting<std::int64_t, &Progress::tokens>>(std::move(count_tokens), options);
}

SharedHeartbeat tts_chunk_heartbeat(std::function<std::int64_t()> count_chunks, HeartbeatOptions options) {
  return std::make_shared<Counting<std::int64_t, &Progress::chunks>>(std::move(count_chunks), options);
}

SharedHeartbeat percentage_heartbeat(std::function<double()> percent, HeartbeatOptions options) {
  return std::make_shared<Counting<double, &Progress::percent>>(std::move(percent), options);
}

SharedHeartbeat no_heartbeat() {
  return std::make_shared<Silent>();
}

SharedHeartbeat pushed_heartbeat(HeartbeatOptions options) {
  return std::make_shared<Pushed>(options);
}

}  // namespace holdfast
