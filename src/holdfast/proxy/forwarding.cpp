#include "holdfast/proxy/forwarding.hpp"

#include <algorithm>
#include <array>

#include "holdfast/wire/compose.hpp"

namespace holdfast::proxy {
namespace {

/// RFC 9110 §7.6.1, and what older peers still send.
constexpr std::array hop_fields = {"Connection",        "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "TE",
                                   "Transfer-Encoding", "Trailer",    "Upgrade",          "Proxy-Authorization"};
/// What a client may prove itself with to a provider, whichever provider that is.
constexpr std::array credential_fields = {"Authorization", "x-api-key",      "xi-api-key",
                                          "api-key",       "x-goog-api-key", "Cookie"};

bool is_one_of(std::string_view name, const auto& names) {
  return std::ranges::any_of(names, [&](std::string_view each) { return net::same_word(name, each); });
}

bool is_own(std::string_view name) {
  constexpr std::string_view own = "Holdfast-";
  return name.size() >= own.size() && net::same_word(name.substr(0, own.size()), own);
}

/// Which fields belong to this hop alone: those of the hop, and those that `Connection` names.
class StaysHere {
 public:
  explicit StaysHere(const net::Fields& fields) : fields_(fields), named_(fields.count("Connection") > 0) {}
  bool operator()(std::string_view name) const {
    return is_one_of(name, hop_fields) || (named_ && fields_.lists("Connection", name));
  }

 private:
  const net::Fields& fields_;
  bool named_;
};

}  // namespace

bool ProviderOptions::understands(wire::Dialect asked) const {
  return asked == dialect || std::ranges::find(speaks, asked) != speaks.end();
}

wire::Server ProviderOptions::server() const {
  if (!base.origin.tls || base.origin.port != 443) return wire::Server::unknown;
  if (base.origin.host == "api.openai.com") return wire::Server::openai;
  if (base.origin.host == "api.anthropic.com") return wire::Server::anthropic;
  return wire::Server::unknown;
}

std::string ProviderOptions::model(std::string_view asked, bool moved) const {
  std::string otherwise(asked);
  for (const auto& [name, here] : models) {
    if (name == asked) return here;
    if (name == "default" && (moved || asked.empty())) otherwise = here;
  }
  return otherwise;
}

net::RequestHead request_for(const ProviderOptions& provider, const net::RequestHead& from, std::string target,
                             const net::Tokens& tokens, bool moved) {
  net::RequestHead to{.method = from.method, .target = std::move(target)};
  const Secret& key = provider.api_key;
  const StaysHere stays_here(from.fields);
  for (const net::Field& field : from.fields) {
    if (stays_here(field.name) || is_own(field.name)) continue;
    if (is_one_of(field.name, std::array{"Host", "Content-Length", "Expect", "Accept-Encoding"})) continue;
    if (is_one_of(field.name, credential_fields) && (moved || !key.empty() || tokens.knows(field.value))) continue;
    to.fields.add(field.name, field.value);
  }
  if (!key.empty()) {
    const auto [name, value] = wire::auth_header(provider.dialect, key.reveal());
    to.fields.add(name, value);
  }
  to.fields.add("Accept-Encoding", "identity");
  to.fields.add("Host", provider.base.origin.host_field());
  return to;
}

wire::Server server_said(const net::ResponseHead& head) {
  if (head.fields.find("Server") == "llama.cpp") return wire::Server::llama;
  return head.fields.find("openai-version") ? wire::Server::openai : wire::Server::unknown;
}

net::Fields fields_for_client(const net::ResponseHead& from, bool keeps_length) {
  net::Fields to;
  const StaysHere stays_here(from.fields);
  for (const net::Field& field : from.fields) {
    if (stays_here(field.name) || is_own(field.name)) continue;
    if (!keeps_length && net::same_word(field.name, "Content-Length")) continue;
    to.add(field.name, field.value);
  }
  return to;
}

}  // namespace holdfast::proxy
