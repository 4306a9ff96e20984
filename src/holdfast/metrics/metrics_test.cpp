#include "holdfast/metrics/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <regex>

#include "holdfast/gateway/gateway_driver.hpp"

namespace holdfast::metrics {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class Measured : public testing::Test {
 protected:
  GatewayOptions options() {
    GatewayOptions options;
    options.providers = {{.name = "Ollama", .type = "local_llm"}, {.name = "OpenAI", .type = "cloud_llm"}};
    metrics_.measure(options);
    return options;
  }
  /// The line's value; empty where there is none.
  std::string value(const std::string& series) {
    const std::string all = "\n" + metrics_.text(gateway_);
    const std::size_t at = all.find("\n" + series + " ");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + series.size() + 2;
    return all.substr(begin, all.find('\n', begin) - begin);
  }
  void eventually(const std::string& series, const std::string& wanted) {
    wait_for([&] { return value(series) == wanted; });
  }
  void run(const OperationRequest& asked) {
    gateway_.execute_with_patience(asked, no_heartbeat(), [](OperationContext&) {});
  }

  Metrics metrics_;
  Gateway gateway_{options()};
  const Subscription counting_ = metrics_.follow(gateway_);
};

TEST_F(Measured, CountsOperationsByProviderTypeAndOutcome) {
  run(request());
  run(request());
  thrown([&] {
    gateway_.execute_with_patience(request(), no_heartbeat(), [](OperationContext&) {
      throw ProviderError({.error_class = ErrorClass::http, .status = 500, .message = "it broke"});
    });
  });
  eventually(R"(holdfast_operations_total{outcome="completed",provider="Ollama",type="local_llm"})", "2");
  eventually(R"(holdfast_operations_total{outcome="failed",provider="Ollama",type="local_llm"})", "1");
  EXPECT_EQ(value(R"(holdfast_operation_duration_seconds_count{provider="Ollama",type="local_llm"})"), "3");
  EXPECT_THAT(metrics_.text(gateway_), HasSubstr("le=\"5242.88\"")) << "long work has its buckets";
}

TEST_F(Measured, CountsStallsAnswersAndSwitches) {
  gateway_.lock_provider({.job_id = "job", .provider_name = "Ollama"});
  std::promise<StallSuspected> stalled;
  const auto stalls = gateway_.on_stall_suspected([&](const StallSuspected& stall) { stalled.set_value(stall); });
  std::atomic<bool> over = false;
  auto call = std::async(std::launch::async, [&] {
    return thrown([&] {
      gateway_.execute_with_patience(request(), pushed_heartbeat({.interval = 1ms, .stall_multiplier = 1.0}),
                                     [&](OperationContext& operation) {
                                       wait_for([&] { return over || operation.stop_token().stop_requested(); });
                                     });
    });
  });
  const StallSuspected stall = stalled.get_future().get();
  EXPECT_EQ(value("holdfast_open_questions"), "1");
  EXPECT_EQ(value("holdfast_active_locks"), "1");
  EXPECT_EQ(value(R"(holdfast_active_operations{category="StallSuspected",provider="Ollama"})"), "1");
  gateway_.answer({.operation_id = stall.operation_id,
                   .ask = 1,
                   .option = "try_alternative",
                   .provider = "OpenAI",
                   .confirmed = true,
                   .by = "ana"});
  EXPECT_EQ(call.get(), Errc::switched);
  eventually(R"(holdfast_operations_total{outcome="switched",provider="Ollama",type="local_llm"})", "1");
  EXPECT_EQ(value(R"(holdfast_stalls_total{provider="Ollama",type="local_llm"})"), "1");
  EXPECT_EQ(value(R"(holdfast_answers_total{option="try_alternative"})"), "1");
  EXPECT_EQ(value(R"(holdfast_fallback_decisions_total{from="Ollama",reason="USER_AFTER_STALL",to="OpenAI"})"), "1");
  EXPECT_EQ(value("holdfast_stalls_resolved_by_progress_total"), "0");
  EXPECT_EQ(value("holdfast_open_questions"), "0");
  EXPECT_EQ(value(R"(holdfast_active_operations{category="StallSuspected",provider="Ollama"})"), "0")
      << "what has ended is nought, not forgotten";
}

TEST_F(Measured, CountsStallsThatEndedByThemselves) {
  std::promise<void> stalled;
  const auto stalls = gateway_.on_stall_suspected([&](const StallSuspected&) { stalled.set_value(); });
  gateway_.execute_with_patience(request(), pushed_heartbeat({.interval = 1ms, .stall_multiplier = 1.0}),
                                 [&](OperationContext& operation) {
                                   stalled.get_future().get();
                                   operation.progress().tokens(1);
                                 });
  eventually("holdfast_stalls_resolved_by_progress_total", "1");
}

TEST_F(Measured, MeasuresCommitsAndSweeps) {
  gateway_.lock_provider({.job_id = "job", .provider_name = "Ollama"});
  EXPECT_NE(value("holdfast_store_commit_seconds_count"), "0");
  wait_for([&] { return value("holdfast_sweep_seconds_count") != "0"; });
}

TEST_F(Measured, TakesWhatOnlyARelayKnows) {
  metrics_.ended({.provider_name = "Ollama",
                  .provider_type = "local_llm",
                  .overhead = 26us,
                  .first_progress = 3s,
                  .longest_gap = 40s});
  metrics_.ended({.provider_name = "Ollama", .provider_type = "local_llm", .overhead = 15us});
  EXPECT_EQ(value(R"(holdfast_relay_overhead_seconds_count{provider="Ollama",type="local_llm"})"), "2");
  EXPECT_EQ(value(R"(holdfast_relay_overhead_seconds_bucket{provider="Ollama",type="local_llm",le="2e-05"})"), "1");
  EXPECT_EQ(value(R"(holdfast_time_to_first_progress_seconds_sum{provider="Ollama",type="local_llm"})"), "3");
  EXPECT_EQ(value(R"(holdfast_progress_gap_seconds_sum{provider="Ollama",type="local_llm"})"), "40");
}

TEST_F(Measured, OneProviderIsOneSeriesHoweverItIsSpelt) {
  metrics_.ended({.provider_name = "Ollama", .provider_type = "local_llm", .overhead = 1us});
  metrics_.ended({.provider_name = "OLLAMA", .provider_type = "local_llm", .overhead = 1us});
  EXPECT_EQ(value(R"(holdfast_relay_overhead_seconds_count{provider="Ollama",type="local_llm"})"), "2");
}

TEST_F(Measured, NamesWithoutEndMakeNoSeriesWithoutEnd) {
  for (std::size_t i = 0; i < 3 * providers_max; ++i) {
    metrics_.ended({.provider_name = "p" + std::to_string(i), .provider_type = "local_llm", .overhead = 1us});
    gateway_.record_fallback_decision(
        FallbackDecision::legacy_auto("old", "p" + std::to_string(i), "p" + std::to_string(i + 7), 1s, "c"));
  }
  EXPECT_EQ(value(R"(holdfast_relay_overhead_seconds_count{provider="other",type="other"})"),
            std::to_string(2 * providers_max));
  eventually(R"(holdfast_fallback_decisions_total{from="other",reason="LEGACY_AUTO",to="other"})",
             std::to_string(2 * providers_max));
}

TEST_F(Measured, NoSeriesNamesAJob) {
  OperationRequest asked = request();
  asked.job_id = "the-secret-film";
  asked.correlation_id = "the-correlation";
  run(asked);
  eventually(R"(holdfast_operations_total{outcome="completed",provider="Ollama",type="local_llm"})", "1");
  EXPECT_THAT(metrics_.text(gateway_), Not(HasSubstr("the-secret-film")));
  EXPECT_THAT(metrics_.text(gateway_), Not(HasSubstr("the-correlation")));
}

TEST_F(Measured, EveryLineIsOneOfTheFormatAndEveryNameHasItsHelp) {
  run(request());
  eventually(R"(holdfast_operations_total{outcome="completed",provider="Ollama",type="local_llm"})", "1");
  const std::regex comment(R"(# (HELP holdfast_\w+ [A-Z].*\.|TYPE holdfast_\w+ (counter|gauge|histogram)))");
  const std::regex sample(R"re(holdfast_\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [-+.e0-9]+)re");
  std::istringstream lines(metrics_.text(gateway_));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_TRUE(std::regex_match(line, comment) || std::regex_match(line, sample)) << line;
  }
}

TEST(Metrics, MayGoBeforeTheGatewayThatItMeasured) {
  std::optional<Metrics> metrics(std::in_place);
  GatewayOptions options;
  metrics->measure(options);
  Gateway gateway(std::move(options));
  const Subscription counting = metrics->follow(gateway);
  metrics.reset();
  gateway.lock_provider({.job_id = "job", .provider_name = "Ollama"});
}

}  // namespace
}  // namespace holdfast::metrics
