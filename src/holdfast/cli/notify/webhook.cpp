#include "holdfast/cli/notify/webhook.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "holdfast/base/check.hpp"
#include "holdfast/net/fetch.hpp"
#include "holdfast/net/pause.hpp"
#include "holdfast/net/tls/tls.hpp"

namespace holdfast::cli {
namespace {

constexpr std::string_view coded_secret = "whsec_";

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // EVP_EncodeBlock ends it with a zero
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string out(text.size() / 4 * 3, '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size <= 0) return std::nullopt;
  // It counts the zeros that the padding stands for.
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

Secret secret_from(const std::string& variable, const EnvironmentLookup& environment) {
  const auto said = environment(variable);
  if (!said || said->empty()) {
    throw Error(Errc::config, "notify.webhook_secret_env: the environment variable " + variable + " is not set");
  }
  if (!said->starts_with(coded_secret)) return Secret(*said);
  auto bytes = from_base64(std::string_view(*said).substr(coded_secret.size()));
  if (!bytes)
    throw Error(Errc::config, "notify.webhook_secret_env: what follows whsec_ in " + variable + " is no base 64");
  return Secret(std::move(*bytes));
}

}  // namespace

std::optional<Webhook> Webhook::configured(const NotifyConfig& notify, const EnvironmentLookup& environment) {
  if (notify.webhook_url.empty()) return std::nullopt;
  const std::string_view url = notify.webhook_url;
  const std::string_view query = url.substr(std::min(url.find('?'), url.size()));
  auto base = net::parse_origin(url.substr(0, url.size() - query.size()));
  if (!base) throw Error(Errc::config, "notify.webhook_url: " + base.error().message);
  Webhook made;
  made.base_ = std::move(*base);
  made.target_ = (made.base_.path.empty() ? "/" : made.base_.path) + std::string(query);
  if (made.base_.origin.tls) {
    auto trusted = net::TlsClientContext::make();
    if (!trusted) throw Error(Errc::config, "notify.webhook_url: " + trusted.error().message);
    made.connector_ = net::connector(made.base_.origin, std::move(*trusted));
  }
  if (!notify.webhook_secret_env.empty()) made.secret_ = secret_from(notify.webhook_secret_env, environment);
  return made;
}

std::string Webhook::signature(std::string_view secret, std::string_view id, std::string_view timestamp,
                               std::string_view body) {
  const std::string signed_text = std::string(id) + '.' + std::string(timestamp) + '.' + std::string(body);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const auto* made =
      HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
           reinterpret_cast<const unsigned char*>(signed_text.data()), signed_text.size(), digest.data(), &size);
  HOLDFAST_CHECK(made != nullptr, "hashing memory does not fail");
  return "v1," + base64({reinterpret_cast<const char*>(digest.data()), size});
}

std::optional<std::string> Webhook::post(const std::string& id, const std::string& body, std::stop_token stop) const {
  std::string why;
  for (int attempt = 0; attempt < attempts_max; ++attempt) {
    if (attempt > 0 && !net::wait_unless_stopped(net::pause_before(attempt - 1, first_pause), stop)) break;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const std::string timestamp = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(now).count());
    net::RequestHead head{.method = "POST", .target = target_};
    head.fields = {{"Host", base_.origin.host_field()},
                   {"Content-Type", "application/json"},
                   {"webhook-id", id},
                   {"webhook-timestamp", timestamp}};
    if (!secret_.empty()) head.fields.add("webhook-signature", signature(secret_.reveal(), id, timestamp, body));
    const auto answer = net::fetch(
        base_.origin.endpoint(), std::move(head), body,
        {.body_bytes_max = std::size_t{64} * 1024, .total_time = call_time, .stop = stop, .connector = connector_});
    if (answer && answer->head.status / 100 == 2) return std::nullopt;
    why = answer ? base_.origin.text() + " answered " + std::to_string(answer->head.status) : answer.error().message;
    const bool may_be_tried_again = !answer || answer->head.status == 429 || answer->head.status >= 500;
    if (!may_be_tried_again) break;
  }
  return why;
}

}  // namespace holdfast::cli
