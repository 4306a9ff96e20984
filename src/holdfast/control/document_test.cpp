#include <set>

#include "holdfast/api/news_driver.hpp"
#include "holdfast/control/control_driver.hpp"

namespace holdfast::control {
namespace {

namespace json = boost::json;

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

TEST(Document, ListsTheRoutesThatAreServedAndNoOthers) {
  const Schemas schemas;
  std::set<std::string> documented, served;
  for (const auto& path : schemas.document().at("paths").get_object()) {
    for (const auto& operation : path.value().get_object())
      documented.insert(std::string(operation.key()) + " " + std::string(path.key()));
  }
  for (const Route& each : routes())
    served.insert(lower(each.method) + " " + each.whole_path());
  EXPECT_EQ(documented, served);
  EXPECT_EQ(served.size(), routes().size());
}

TEST(Document, NamesScopeParametersAndBodyOfEachRoute) {
  const Schemas schemas;
  for (const Route& each : routes()) {
    const json::value& operation = schemas.document().at("paths").at(each.whole_path()).at(lower(each.method));
    EXPECT_EQ(operation.at("x-holdfast-scope").get_string(), name(each.scope)) << each.path;
    EXPECT_EQ(operation.get_object().contains("requestBody"), each.takes_body) << each.path;
    std::set<std::string> in_query, in_path;
    if (const json::value* parameters = operation.get_object().if_contains("parameters")) {
      for (const json::value& one : parameters->get_array()) {
        const json::value& parameter = schemas.resolved(one);
        const std::string word(parameter.at("name").get_string());
        if (parameter.at("in").get_string() == "query") in_query.insert(word);
        if (parameter.at("in").get_string() == "path") in_path.insert("{" + word + "}");
      }
    }
    EXPECT_EQ(in_query, std::set<std::string>(each.parameters.begin(), each.parameters.end())) << each.path;
    for (const std::string& value : in_path)
      EXPECT_THAT(std::string(each.path), testing::HasSubstr(value));
    EXPECT_EQ(in_path.size(), static_cast<std::size_t>(std::ranges::count(each.path, '{'))) << each.path;
  }
}

TEST(Document, ListsThatAreNotBoundedByTheConfigurationHaveOneWayToGoOn) {
  const Schemas schemas;
  std::set<std::string> paged;
  for (const Route& each : routes()) {
    if (each.method != "GET") continue;
    const json::value& responses =
        schemas.document().at("paths").at(each.whole_path()).at(lower(each.method)).at("responses");
    const json::value* content = responses.at("200").at("content").get_object().if_contains("application/json");
    if (content == nullptr) continue;
    const json::object& schema = schemas.resolved(content->at("schema")).get_object();
    const json::object* properties = schema.contains("properties") ? &schema.at("properties").get_object() : nullptr;
    if (properties == nullptr || !properties->contains("next")) continue;
    const json::object& next = properties->at("next").get_object();
    if (!next.contains("$ref")) {
      EXPECT_EQ(next.at("type").get_string(), "null") << each.path;
      continue;
    }
    paged.insert(std::string(each.path));
    EXPECT_THAT(each.parameters, testing::IsSupersetOf({"limit", "after"})) << each.path;
  }
  EXPECT_THAT(paged,
              testing::ElementsAre("/audit", "/jobs", "/jobs/{job}/decisions", "/jobs/{job}/locks", "/operations"));
}

TEST(Document, KnowsEveryErrorCodeAndNoOther) {
  const Schemas schemas;
  std::set<std::string> documented, known;
  const json::value& code = schemas.document().at("components").at("schemas").at("Problem").at("properties").at("code");
  for (const json::value& each : schemas.resolved(code).at("enum").get_array())
    documented.insert(std::string(each.get_string()));
  for (int i = 1; i <= static_cast<int>(Errc::outcome_unknown); ++i)
    known.insert(std::string(name(static_cast<Errc>(i))));
  EXPECT_EQ(documented, known);
}

TEST(Document, EverythingThatItRefersToIsThere) {
  const Schemas schemas;
  const auto walk = [&](const auto& self, const json::value& value) -> void {
    if (const json::object* object = value.if_object()) {
      if (object->contains("$ref")) {
        EXPECT_NO_THROW(schemas.resolved(value)) << json::serialize(value);
      }
      for (const auto& each : *object)
        self(self, each.value());
    } else if (const json::array* array = value.if_array()) {
      for (const json::value& each : *array)
        self(self, each);
    }
  };
  walk(walk, schemas.document());
}

TEST(Document, DescribesEveryKindOfEventThatIsToldAndNoOther) {
  const Schemas schemas;
  const json::value& event = schemas.document().at("components").at("schemas").at("Event");
  std::set<std::string> told, documented, mapped;
  sample::each_kind([&](const News& news) {
    const json::object line = api::event_line(1, sample::noon, news);
    EXPECT_EQ(schemas.problem(line, event), "") << api::text(line);
    told.insert(std::string(event_name(news)));
  });
  for (const json::value& each : event.at("oneOf").get_array()) {
    const json::value& name = schemas.resolved(each).at("properties").at("event").at("enum").at(0);
    documented.insert(std::string(name.get_string()));
    EXPECT_EQ(event.at("discriminator").at("mapping").at(name.get_string()), each.at("$ref"));
  }
  for (const auto& each : event.at("discriminator").at("mapping").get_object())
    mapped.insert(std::string(each.key()));
  EXPECT_EQ(told.size(), std::variant_size_v<News>);
  EXPECT_EQ(documented, told);
  EXPECT_EQ(mapped, told);
}

TEST(Document, NamesExactlyTheFieldsOfAnEvent) {
  const Schemas schemas;
  const json::value& event = schemas.document().at("components").at("schemas").at("Event");
  sample::each_kind([&](const News& news) {
    const json::object line = api::event_line(1, sample::noon, news);
    json::object more = line;
    more["data"].get_object()["more"] = 1;
    EXPECT_THAT(schemas.problem(more, event), testing::HasSubstr("has more")) << event_name(news);
    for (const auto& each : line.at("data").get_object()) {
      json::object less = line, other = line;
      less["data"].get_object().erase(each.key());
      EXPECT_THAT(schemas.problem(less, event), testing::HasSubstr("lacks " + std::string(each.key())));
      other["data"].get_object()[each.key()] = json::object{{"is", "something else"}};
      EXPECT_NE(schemas.problem(other, event), "") << event_name(news) << " " << each.key();
    }
    json::object renamed = line;
    renamed["event"] = event_name(news) == "cancelled" ? "job.closed" : "cancelled";
    EXPECT_NE(schemas.problem(renamed, event), "") << event_name(news);
  });
}

TEST(Document, IsServedAsItIsWritten) {
  Served served;
  const Got got = served.get("/openapi.json");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.json.at("openapi").get_string(), "3.1.0");
}

TEST(Schemas, RefuseWhatTheDocumentDoesNotSay) {
  const Schemas schemas;
  const json::value& health = schemas.document().at("components").at("schemas").at("Health");
  EXPECT_EQ(schemas.problem(json::parse(R"({"status": "live"})"), health), "");
  EXPECT_NE(schemas.problem(json::parse(R"({"status": "dead"})"), health), "");
  EXPECT_NE(schemas.problem(json::parse(R"({"status": "live", "more": 1})"), health), "");
  EXPECT_NE(schemas.problem(json::parse(R"({})"), health), "");
  EXPECT_NE(schemas.problem(json::parse(R"({"status": 1})"), health), "");
}

}  // namespace
}  // namespace holdfast::control
