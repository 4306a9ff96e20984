#pragma once

// What the tests of this module share: a gateway that is served over a socket, and requests whose answers are held
// against the OpenAPI document.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <optional>
#include <string>

#include "holdfast/control/remote.hpp"
#include "holdfast/control/routes.hpp"
#include "holdfast/control/schema_driver.hpp"
#include "holdfast/control/service.hpp"
#include "holdfast/gateway/gateway_driver.hpp"
#include "holdfast/net/fetch.hpp"

namespace holdfast::control {

using namespace std::chrono_literals;

/// A folder of this process's own.
inline std::string fresh_folder() {
  std::string folder = testing::TempDir() + "holdfast-control-XXXXXX";
  return ::mkdtemp(folder.data()) == nullptr ? std::string() : folder;
}

struct Got {
  int status = 0;
  net::Fields fields{};
  std::string text{};
  boost::json::value json{};

  std::string code() const { return std::string(json.at("code").get_string()); }
  std::string detail() const { return std::string(json.at("detail").get_string()); }
};

/// The answer, which must be one that the document describes.
inline Got checked_against_document(std::string_view method, const std::string& target, const net::Fetched& fetched) {
  static const Schemas schemas;
  Got got{.status = fetched.head.status, .fields = fetched.head.fields, .text = fetched.body};
  EXPECT_EQ(got.fields.find("Cache-Control"), "no-store") << target;
  EXPECT_EQ(got.fields.find("X-Content-Type-Options"), "nosniff") << target;
  const std::string_view type = got.fields.find("Content-Type").value_or("");
  if (got.text.empty() || !type.ends_with("json")) return got;
  got.json = boost::json::parse(got.text);
  const auto segments = net::split_path(target.substr(0, target.find('?')));
  const Match found = segments ? match(method, *segments) : Match{};
  if (found.route == nullptr) {
    const std::string wrong =
        schemas.problem(got.json, schemas.document().at("components").at("schemas").at("Problem"));
    EXPECT_EQ(wrong, "") << method << " " << target;
    return got;
  }
  std::string verb(found.route->method);
  std::ranges::transform(verb, verb.begin(), [](char c) { return static_cast<char>(c | 0x20); });
  const auto& responses = schemas.document().at("paths").at(found.route->whole_path()).at(verb).at("responses");
  const boost::json::value* response = responses.get_object().if_contains(std::to_string(got.status));
  if (response == nullptr) {
    ADD_FAILURE() << method << " " << target << " answers " << got.status
                  << ", which the document does not know: " << got.text;
    return got;
  }
  const boost::json::value* content = schemas.resolved(*response).at("content").get_object().if_contains(type);
  if (content == nullptr) {
    ADD_FAILURE() << method << " " << target << " answers with the type " << type;
    return got;
  }
  EXPECT_EQ(schemas.problem(got.json, content->at("schema")), "") << method << " " << target;
  return got;
}

/// A gateway and its service.
class Served {
 public:
  explicit Served(GatewayOptions gateway_options = with_providers(), ServiceOptions options = {})
      : folder_(fresh_folder()), gateway_(make_store(std::move(gateway_options))) {
    options.endpoint.path = folder_ + "/c.sock";
    service_.emplace(gateway_, std::move(options));
  }
  Served(std::unique_ptr<store::Store> store, ServiceOptions options)
      : folder_(fresh_folder()), gateway_(with_providers(), std::move(store)) {
    options.endpoint.path = folder_ + "/c.sock";
    service_.emplace(gateway_, std::move(options));
  }

  static GatewayOptions with_providers() {
    GatewayOptions options;
    options.providers = {{.name = "Ollama", .type = "local_llm"},
                         {.name = "OpenAI", .type = "cloud_llm", .model = "gpt", .requires_network = true}};
    return options;
  }

  Gateway& gateway() { return gateway_; }
  Service& service() { return *service_; }
  const net::Endpoint& endpoint() const { return service_->endpoint(); }
  Remote remote() const { return Remote(endpoint()); }
  const std::string& folder() const { return folder_; }

  /// `target` below the root.
  Got ask(std::string method, const std::string& target, std::string body = {}, net::Fields fields = {}) {
    const std::string whole = target.starts_with('!') ? target.substr(1) : std::string(root) + target;
    if (!body.empty() && fields.count("Content-Type") == 0) fields.add("Content-Type", "application/json");
    net::RequestHead head{.method = method, .target = whole, .fields = std::move(fields)};
    const auto fetched = net::fetch(endpoint(), std::move(head), std::move(body), {.total_time = 20s});
    if (!fetched) {
      ADD_FAILURE() << method << " " << whole << ": " << fetched.error().message;
      return {};
    }
    return checked_against_document(method, whole, *fetched);
  }
  Got get(const std::string& target) { return ask("GET", target); }
  Got post(const std::string& target, std::string body, net::Fields fields = {}) {
    return ask("POST", target, std::move(body), std::move(fields));
  }

 private:
  /// "sqlite:" means one in the folder.
  GatewayOptions make_store(GatewayOptions options) const {
    if (options.store == "sqlite:") options.store += folder_ + "/h.db";
    return options;
  }

  std::string folder_;
  Gateway gateway_;
  std::optional<Service> service_;
};

/// Something that is told and costs no commit. Returns when the gateway's listeners have heard it, so that a loop does
/// not run away from them.
inline void tell(Gateway& gateway, const std::string& stage, const std::string& job = "job") {
  std::atomic<bool> heard = false;
  const auto news = gateway.on_news([&](const Notice& notice) {
    const auto* started = std::get_if<StageStarted>(notice.news.get());
    if (started != nullptr && started->stage_name == stage) heard = true;
  });
  gateway.stage_started({.job_id = job, .stage_name = stage});
  wait_for([&] { return heard.load(); });
}

}  // namespace holdfast::control
