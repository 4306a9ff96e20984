#include "holdfast/metrics/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <map>
#include <mutex>
#include <set>

#include "holdfast/base/name.hpp"

namespace holdfast::metrics {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

/// From `first` on, each twice the one before.
Histogram::BucketBoundaries doubling(double first, int count) {
  Histogram::BucketBoundaries out;
  for (int i = 0; i < count; ++i, first *= 2)
    out.push_back(first);
  return out;
}

/// What generative work takes: 10 ms to 5 243 s.
const Histogram::BucketBoundaries& work_buckets() {
  static const Histogram::BucketBoundaries buckets = doubling(0.01, 20);
  return buckets;
}
/// What this machine takes: 10 µs to 10 s.
const Histogram::BucketBoundaries& machine_buckets() {
  static const Histogram::BucketBoundaries buckets = doubling(0.000'01, 21);
  return buckets;
}

double seconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

struct Metrics::Impl {
  prometheus::Registry registry{};

  Family<Counter>& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  }
  Family<Gauge>& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
  }
  Family<Histogram>& histograms(const char* name, const char* help) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
  }

  Family<Counter>& operations = counters("holdfast_operations_total", "Operations that have ended.");
  Family<Histogram>& durations =
      histograms("holdfast_operation_duration_seconds", "From the start of an operation to its end.");
  Family<Histogram>& first_progress =
      histograms("holdfast_time_to_first_progress_seconds", "From the request to the provider to its first progress.");
  Family<Histogram>& gaps = histograms("holdfast_progress_gap_seconds",
                                       "The longest silence between two pieces of progress of an operation.");
  Family<Gauge>& active = gauges("holdfast_active_operations", "Operations that have not ended.");
  Family<Counter>& stalls = counters("holdfast_stalls_total", "Stalls that were asked about.");
  Counter& resolved = counters("holdfast_stalls_resolved_by_progress_total",
                               "Stalls that ended because the provider went on by itself.")
                          .Add({});
  Family<Counter>& answers = counters("holdfast_answers_total", "Answers to questions, by the option chosen.");
  Family<Counter>& decisions =
      counters("holdfast_fallback_decisions_total", "Recorded decisions for another provider.");
  Gauge& open_questions = gauges("holdfast_open_questions", "Questions that nobody has answered yet.").Add({});
  Gauge& active_locks =
      gauges("holdfast_active_locks", "Active locks in the store, of this and of other processes.").Add({});
  Family<Histogram>& overhead =
      histograms("holdfast_relay_overhead_seconds",
                 "What Holdfast added: from a request's arrival until it left for the provider.");
  Histogram& commits = histograms("holdfast_store_commit_seconds", "Until a group of transactions was durable.")
                           .Add({}, machine_buckets());
  Histogram& sweeps = histograms("holdfast_sweep_seconds", "One look at everything that runs, for who is silent.")
                          .Add({}, machine_buckets());

  std::mutex mutex{};  ///< of what follows
  std::set<std::string, NameLess> providers{};
  std::set<std::array<std::string, 3>> switches{};
  std::map<std::pair<std::string, LatencyCategory>, Gauge*> counted{};

  /// What each operation counts, found once for a provider: the library looks a series up by labels that are built for
  /// every call. Each is made when it is counted first.
  struct Series {
    prometheus::Labels labels{};
    Histogram* durations = nullptr;
    Histogram* overhead = nullptr;
    Histogram* first_progress = nullptr;
    Histogram* gaps = nullptr;
    std::map<OperationPhase, Counter*> operations{};
  };
  std::map<std::pair<std::string, std::string>, Series> series{};

  /// The provider's name as a label, always in the spelling it came in first.
  std::string provider(const std::string& name) {
    const std::lock_guard lock(mutex);
    return spelled(name);
  }
  std::string spelled(const std::string& name) {
    if (const auto found = providers.find(name); found != providers.end()) return *found;
    if (providers.size() >= providers_max) return "other";
    return *providers.insert(name).first;
  }
  /// Under the mutex.
  Series& of(const std::string& name, const std::string& type) {
    const std::string label = spelled(name);
    const auto [found, fresh] = series.try_emplace({label, label == "other" ? "other" : type});
    if (fresh) found->second.labels = {{"provider", found->first.first}, {"type", found->first.second}};
    return found->second;
  }
  static void observe(Histogram*& histogram, Family<Histogram>& family, const Series& of,
                      const Histogram::BucketBoundaries& buckets, std::chrono::nanoseconds time) {
    if (histogram == nullptr) histogram = &family.Add(of.labels, buckets);
    histogram->Observe(seconds(time));
  }

  void hear(const Notice& notice) { std::visit(*this, *notice.news); }

  void operator()(const OperationEnded& news) {
    const std::lock_guard lock(mutex);
    Series& mine = of(news.provider_name, news.provider_type);
    observe(mine.durations, durations, mine, work_buckets(), news.elapsed);
    Counter*& counter = mine.operations[news.outcome];
    if (counter == nullptr) {
      prometheus::Labels labels = mine.labels;
      labels["outcome"] = std::string(name(news.outcome));
      counter = &operations.Add(labels);
    }
    counter->Increment();
  }
  void operator()(const StallSuspected& news) {
    const std::lock_guard lock(mutex);
    stalls.Add(of(news.provider_name, news.provider_type).labels).Increment();
  }
  void operator()(const StallResolved& news) {
    if (news.by == "progress") resolved.Increment();
  }
  void operator()(const QuestionAnswered& news) { answers.Add({{"option", news.option}}).Increment(); }
  void operator()(const FallbackDecision& news) {
    std::array<std::string, 3> of = {provider(news.from_provider), provider(news.to_provider),
                                     std::string(name(news.reason_code))};
    {
      const std::lock_guard lock(mutex);
      if (!switches.contains(of)) {
        if (switches.size() >= decisions_max) of[0] = of[1] = "other";
        switches.insert(of);
      }
    }
    decisions.Add({{"from", of[0]}, {"to", of[1]}, {"reason", of[2]}}).Increment();
  }
  void operator()(const auto&) {}

  void look_at(Gateway& gateway) {
    const std::vector<ActiveOperations> now = gateway.active_operations();
    std::map<std::pair<std::string, LatencyCategory>, double> counts;
    for (const ActiveOperations& each : now)
      counts[{provider(each.provider_name), each.category}] += static_cast<double>(each.count);
    {
      const std::lock_guard lock(mutex);
      for (const auto& [of, count] : counts) {
        Gauge*& gauge = counted[of];
        if (gauge == nullptr) {
          gauge = &active.Add({{"provider", of.first}, {"category", std::string(name(of.second))}});
        }
      }
      for (const auto& [of, gauge] : counted)
        gauge->Set(counts.contains(of) ? counts.at(of) : 0.0);
    }
    open_questions.Set(static_cast<double>(gateway.open_questions().size()));
    try {
      active_locks.Set(static_cast<double>(gateway.statistics().active_locks));
    } catch (const Error&) {
      // The store cannot be read now: that is told elsewhere, and what is counted here is still worth reading.
    }
  }
};

Metrics::Metrics() : impl_(std::make_shared<Impl>()) {}

Metrics::~Metrics() = default;

void Metrics::measure(GatewayOptions& options) {
  options.on_commit = [impl = impl_](std::chrono::nanoseconds took) { impl->commits.Observe(seconds(took)); };
  options.on_sweep = [impl = impl_](std::chrono::nanoseconds took) { impl->sweeps.Observe(seconds(took)); };
}

Subscription Metrics::follow(Gateway& gateway) {
  return gateway.on_news([impl = impl_](const Notice& notice) { impl->hear(notice); });
}

void Metrics::ended(const RelayTimes& times) {
  const std::lock_guard lock(impl_->mutex);
  Impl::Series& mine = impl_->of(times.provider_name, times.provider_type);
  if (times.overhead) Impl::observe(mine.overhead, impl_->overhead, mine, machine_buckets(), *times.overhead);
  if (times.first_progress) {
    Impl::observe(mine.first_progress, impl_->first_progress, mine, work_buckets(), *times.first_progress);
  }
  if (times.longest_gap) Impl::observe(mine.gaps, impl_->gaps, mine, work_buckets(), *times.longest_gap);
}

std::string Metrics::text(Gateway& gateway) {
  impl_->look_at(gateway);
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace holdfast::metrics
