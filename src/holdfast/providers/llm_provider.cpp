#include "holdfast/providers/llm_provider.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>

#include "holdfast/net/pause.hpp"
#include "holdfast/providers/asking/exchange.hpp"
#include "holdfast/providers/asking/model_list.hpp"
#include "holdfast/providers/http_access.hpp"
#include "holdfast/providers/llm_answer.hpp"
#include "holdfast/providers/text_artifact.hpp"
#include "holdfast/wire/compose.hpp"
#include "holdfast/wire/fault.hpp"
#include "holdfast/wire/limits.hpp"

namespace holdfast::providers {
namespace {

/// A list of models; those of the largest providers have some hundred kilobytes.
constexpr std::size_t list_bytes_max = 4 * 1024 * 1024;

/// A request to a provider, without what every request to it bears.
struct Question {
  std::string method = "GET";
  std::string path{};  ///< to be put behind the path of the provider's `base_url`
  net::Fields fields{};
  std::string body{};
};

net::RequestHead head_of(const HttpAccess& access, const Question& question) {
  net::RequestHead head{
      .method = question.method, .target = wire::target_at(access.base.path, question.path), .fields = question.fields};
  if (!access.api_key.empty()) {
    const auto [name, value] = wire::auth_header(access.dialect, access.api_key.reveal());
    head.fields.add(name, value);
  }
  head.fields.add("Accept-Encoding", "identity");
  head.fields.add("User-Agent", "holdfast");
  head.fields.add("Host", access.base.origin.host_field());
  head.fields.add("Connection", "close");
  return head;
}

/// Keeps a short answer.
class KeptAnswer final : public AnswerListener {
 public:
  void head(const net::ResponseHead& head) override { status = head.status; }
  bool bytes(std::string_view bytes) override {
    body.append(bytes.substr(0, list_bytes_max - body.size()));
    return body.size() < list_bytes_max;
  }

  int status = 0;
  std::string body{};
};

class LlmProvider final : public Provider {
 public:
  LlmProvider(ProviderInfo info, const ProviderConfig& config, LlmTimes times)
      : info_(std::move(info)), models_(config.models), times_(times) {}

  void open(const ProviderConfig& config,
            const std::function<std::optional<std::string>(std::string_view)>& environment) {
    dialect_ = dialect_of(config.protocol).value();
    try {
      access_ = http_access(config, environment);
    } catch (const Error& error) {
      problem_ = error.what();
    }
  }

  const ProviderInfo& info() const override { return info_; }
  std::string protocol() const override { return std::string(wire::name(dialect_)); }
  SharedHeartbeat heartbeat() const override { return pushed_heartbeat(); }
  std::vector<std::string> job_kinds() const override { return {"text"}; }
  std::vector<std::string> problems() const override {
    return access_ ? std::vector<std::string>{} : std::vector<std::string>{problem_};
  }
  std::vector<std::string> problems_with(const StageNeeds& needs) const override;
  std::vector<std::string> check() const override;
  void run(const StageCall& call, OperationContext& operation) const override;

 private:
  std::string model_for(const std::string& said, bool moved) const;
  std::string no_model() const;
  std::string no_list_of_models() const;
  Question question_for(const StageCall& call, const std::string& model, wire::Route& route) const;
  std::optional<milliseconds> pause_after(const LlmAnswer& answer, const CallEnd& end, int attempt,
                                          std::string& why) const;
  std::string without_key(std::string text) const;
  std::vector<std::string> problems_of_models(const std::string& body) const;

  const ProviderInfo info_;
  const std::vector<std::pair<std::string, std::string>> models_;
  const LlmTimes times_;
  wire::Dialect dialect_ = wire::Dialect::openai;
  std::optional<HttpAccess> access_{};
  std::string problem_{};  ///< why there is no access
};

/// By the names of the configuration. A name that was meant for another provider counts only where it stands there.
std::string LlmProvider::model_for(const std::string& said, bool moved) const {
  std::string otherwise = moved ? std::string() : said;
  for (const auto& [name, here] : models_) {
    if (name == said && !said.empty()) return here;
    if (name == "default" && otherwise.empty()) otherwise = here;
  }
  return otherwise;
}

std::string LlmProvider::no_model() const {
  return "no model is named; say model = \"…\" in the stage, or models = { default = \"…\" } of the provider " +
         info_.name + " in holdfast.toml";
}

std::vector<std::string> LlmProvider::problems_with(const StageNeeds& needs) const {
  std::vector<std::string> problems;
  if (needs.kind != "text") {
    problems.push_back(info_.name + " serves stages of kind text in jobs, and not " + needs.kind);
  } else if (model_for(needs.model, false).empty()) {
    problems.push_back(no_model());
  }
  return problems;
}

Question LlmProvider::question_for(const StageCall& call, const std::string& model, wire::Route& route) const {
  if (!access_) throw ProviderError(ProviderFault{.error_class = ErrorClass::other, .message = problem_});
  if (model.empty()) throw ProviderError(ProviderFault{.error_class = ErrorClass::other, .message = no_model()});
  const wire::Prompt prompt{
      .model = model, .text = call.input, .schema_json = call.schema, .max_tokens = call.max_tokens};
  auto composed = wire::compose(dialect_, prompt);
  if (!composed) {
    throw ProviderError(ProviderFault{.error_class = ErrorClass::other, .message = composed.error().message});
  }
  route = composed->route;
  Question question{.method = composed->method, .path = composed->path, .body = std::move(composed->body)};
  for (const auto& [name, value] : composed->headers)
    question.fields.add(name, value);
  return question;
}

/// Policy §8: only where the provider cannot have begun the work.
std::optional<milliseconds> LlmProvider::pause_after(const LlmAnswer& answer, const CallEnd& end, int attempt,
                                                     std::string& why) const {
  if (attempt == retries_max) return std::nullopt;
  milliseconds asked_for{0};
  if (end.phase == CallPhase::connecting) {
    if (end.error != boost::asio::error::connection_refused) return std::nullopt;
    why = "connection refused";
  } else {
    const auto said = answer.retry_after();
    const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    const auto pause = said ? parse_retry_after(*said, now) : std::nullopt;
    if (!pause || *pause > retry_after_max) return std::nullopt;
    asked_for = *pause;
    why = "HTTP " + std::to_string(answer.status());
  }
  const milliseconds pause = net::pause_before(attempt, times_.retry_pause, asked_for);
  why += "; asking again in " + spoken(pause) + " (" + std::to_string(attempt + 1) + " of " +
         std::to_string(retries_max) + ")";
  return pause;
}

/// A provider may quote what it was sent.
std::string LlmProvider::without_key(std::string text) const {
  const std::string& key = access_->api_key.reveal();
  for (std::size_t at = 0; !key.empty() && (at = text.find(key, at)) != std::string::npos; at += 3)
    text.replace(at, key.size(), "***");
  return text;
}

void LlmProvider::run(const StageCall& call, OperationContext& operation) const {
  const std::string model = model_for(call.model, call.moved);
  wire::Route route;
  const Question question = question_for(call, model, route);
  const net::RequestHead head = head_of(*access_, question);
  const LlmName name{.provider = info_.name, .address = access_->base.origin.text(), .model = model};
  const std::stop_token stop = operation.stop_token();
  for (int attempt = 0;; ++attempt) {
    LlmAnswer answer(route, name, operation);
    const CallEnd end = exchange(access_->connector, head, question.body, answer, stop);
    auto fault = stop.stop_requested() ? std::nullopt : answer.verdict(end);
    if (!stop.stop_requested() && !fault) return write_artifact(call.output, answer.text());
    std::string why;
    const auto pause = fault ? pause_after(answer, end, attempt, why) : std::nullopt;
    if (pause) {
      operation.progress().message(why);
      if (net::wait_unless_stopped(*pause, stop)) continue;
    }
    // What had come is kept beside the job's work, and named.
    if (!answer.text().empty()) write_artifact(call.output, answer.text());
    if (stop.stop_requested()) throw Error(Errc::cancelled, "the call of " + info_.name + " was stopped");
    fault->message = without_key(std::move(fault->message));
    fault->code = without_key(std::move(fault->code));
    throw ProviderError(std::move(*fault));
  }
}

std::vector<std::string> LlmProvider::problems_of_models(const std::string& body) const {
  const auto there = read_models(dialect_, body);
  if (!there) return {"it answers at " + access_->base.origin.text() + ", but " + there.error().message};
  std::vector<std::string> problems;
  for (const auto& [name, model] : models_) {
    if (has_model(dialect_, *there, model)) continue;
    problems.push_back("model " + model + " (models." + name + ") is not there; there are: " + listed(*there));
  }
  return problems;
}

/// Somebody is there, but not where `base_url` says: or somebody who speaks like OpenAI and has no such list.
std::string LlmProvider::no_list_of_models() const {
  const std::string target = wire::target_at(access_->base.path, models_path(dialect_));
  const bool unversioned = dialect_ == wire::Dialect::openai && !access_->base.path.ends_with("/v1");
  return access_->base.origin.text() + " has no list of models at " + target.substr(0, target.find('?')) +
         " (HTTP 404); " + (unversioned ? "base_url without /v1?" : "is base_url right?");
}

std::vector<std::string> LlmProvider::check() const {
  if (!access_) return problems();
  Question question{.path = std::string(models_path(dialect_))};
  if (dialect_ == wire::Dialect::anthropic) question.fields.add("anthropic-version", "2023-06-01");
  KeptAnswer answer;
  const CallEnd end = exchange(access_->connector, head_of(*access_, question), {}, answer, {}, times_.check);
  const std::string address = access_->base.origin.text();
  if (answer.status == 0) {
    const bool connected = end.phase != CallPhase::connecting;
    const bool late = end.error == net::Fault::timed_out;
    const std::string why = late ? "no answer within " + spoken(times_.check) : end.error.message();
    return {(connected ? "no answer from " : "cannot be reached at ") + address + ": " + why};
  }
  const bool refused = answer.status == 401 || answer.status == 403;
  if (refused && access_->api_key.empty()) {
    return {address + " wants a key (HTTP " + std::to_string(answer.status) + "); say api_key_env or api_key_file"};
  }
  if (answer.status == 404) return {no_list_of_models()};
  if (answer.status != 200) {
    const wire::Route route{.dialect = dialect_, .action = wire::Action::models};
    const ProviderFault fault = wire::fault_of(route, answer.status, answer.body);
    const std::string words = fault.message.empty() ? std::string() : ": " + without_key(fault.message);
    return {(refused ? "the key was refused by " : "an error from ") + address + " (HTTP " +
            std::to_string(answer.status) + ")" + words};
  }
  if (end.error) return {"the list of models from " + address + " did not come to its end: " + end.error.message()};
  return problems_of_models(answer.body);
}

}  // namespace

std::unique_ptr<Provider> llm_provider(ProviderInfo info, const ProviderConfig& config,
                                       const std::function<std::optional<std::string>(std::string_view)>& environment,
                                       LlmTimes times) {
  auto made = std::make_unique<LlmProvider>(std::move(info), config, times);
  made->open(config, environment);
  return made;
}

}  // namespace holdfast::providers
