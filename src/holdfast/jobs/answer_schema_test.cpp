#include "holdfast/jobs/answer_schema.hpp"

#include <gmock/gmock.h>

#include <boost/json/parse.hpp>

namespace holdfast::jobs {
namespace {

using testing::HasSubstr;
using testing::Optional;

const std::string script = R"({
  "type": "object", "additionalProperties": false, "required": ["title", "scenes"],
  "properties": {
    "title": {"type": "string"},
    "mood": {"enum": ["calm", "loud"]},
    "count": {"type": ["integer", "null"], "minimum": 1},
    "scenes": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"$ref": "#/definitions/scene"}}
  },
  "definitions": {"scene": {"type": "object", "required": ["narration"],
                            "properties": {"narration": {"type": "string", "minLength": 2, "pattern": "^[A-Z]"}}}}
})";

std::string problem(const std::string& answer) {
  return answer_problem(script, answer).value_or("");
}

TEST(AnswerSchema, AnAnswerThatFollowsHasNoProblem) {
  EXPECT_EQ(check_schema(boost::json::parse(script)), std::nullopt);
  EXPECT_EQ(problem(R"({"title": "T", "mood": "calm", "count": null, "scenes": [{"narration": "Hello"}]})"), "");
}

TEST(AnswerSchema, AProblemNamesItsPlace) {
  EXPECT_EQ(problem(R"({"title": "T"})"), "/scenes is missing");
  EXPECT_EQ(problem(R"({"title": "T", "scenes": [{"narration": "Aa"}, {"card": "c"}]})"),
            "/scenes/1/narration is missing");
  EXPECT_EQ(problem(R"({"title": 3, "scenes": [{"narration": "Aa"}]})"), "/title is a number; it must be string");
  EXPECT_EQ(problem(R"({"title": "T", "count": "x", "scenes": []})"), "/count is a text; it must be integer or null");
  EXPECT_EQ(problem(R"({"title": "T", "scenes": []})"), "/scenes has 0 entries; no fewer than 1 are allowed");
  EXPECT_EQ(problem(R"({"title": "T", "mod": 1, "scenes": [{"narration": "Aa"}]})"),
            "/mod is not in the schema, which allows nothing else");
  EXPECT_EQ(problem(R"({"title": "T", "mood": "sad", "scenes": [{"narration": "Aa"}]})"),
            "/mood is none of the values that are allowed");
  EXPECT_EQ(problem(R"({"title": "T", "scenes": [{"narration": "hello"}]})"),
            "/scenes/0/narration does not meet 'pattern' of the schema");
  EXPECT_EQ(problem("[]"), "the answer is a list; it must be object");
}

TEST(AnswerSchema, WhatIsNoJsonIsSaid) {
  EXPECT_THAT(problem("Sure! Here is the script."), HasSubstr("is not JSON"));
  EXPECT_THAT(problem(""), HasSubstr("is not JSON"));
  EXPECT_THAT(problem(R"({"title": "T"} and more)"), HasSubstr("is not JSON"));
  EXPECT_THAT(problem(std::string(100'000, '[')), HasSubstr("is not JSON")) << "no stack is so deep";
}

TEST(AnswerSchema, RequiredHoldsForNamesThatNoPropertiesList) {
  EXPECT_EQ(answer_problem(R"({"required": ["a"]})", "{}"), "/a is missing");
  EXPECT_EQ(answer_problem(R"({"required": ["a"]})", R"({"a": 1})"), std::nullopt);
}

std::string wrong(const std::string& schema) {
  return check_schema(boost::json::parse(schema)).value_or("");
}

TEST(AnswerSchema, ASchemaIsNeverCheckedInPart) {
  EXPECT_THAT(wrong(R"({"properties": {"a": {"minitems": 1}}})"), HasSubstr("/properties/a 'minitems' is no word"));
  EXPECT_THAT(wrong(R"({"const": 1})"), HasSubstr("'const'"));
  EXPECT_THAT(wrong(R"({"if": {}})"), HasSubstr("'if'"));
  EXPECT_THAT(wrong(R"({"type": "text"})"), HasSubstr("/type must be of object"));
  EXPECT_THAT(wrong(R"({"exclusiveMinimum": 3})"), HasSubstr("draft 4"));
  EXPECT_THAT(wrong(R"({"pattern": "(?=a)b"})"), HasSubstr("regular expression"));
  EXPECT_THAT(wrong(R"({"patternProperties": {"(": {}}})"), HasSubstr("regular expression"));
  EXPECT_THAT(wrong(R"j({"pattern": "a)"})j"), HasSubstr("regular expression"));
  EXPECT_THAT(wrong(R"({"pattern": "((a{1000}){1000}){1000}"})"), HasSubstr("regular expression"));
  EXPECT_EQ(wrong(R"({"pattern": "^[a-z]{2,3}(-[A-Z]+)?$"})"), "");
  EXPECT_THAT(wrong(R"({"items": true})"), HasSubstr("/items must be an object"));
  EXPECT_THAT(wrong(R"({"anyOf": [{}, {"type": 3}]})"), HasSubstr("/anyOf/1/type"));
  EXPECT_THAT(wrong(R"({"minItems": -1})"), HasSubstr("/minItems"));
  EXPECT_THAT(wrong(R"({"required": "a"})"), HasSubstr("list of names"));
  EXPECT_THAT(wrong("[]"), HasSubstr("the schema: must be an object"));
}

TEST(AnswerSchema, AReferenceStaysInsideAndEnds) {
  EXPECT_EQ(wrong(R"({"properties": {"next": {"$ref": "#"}}})"), "");
  EXPECT_THAT(wrong(R"({"$ref": "http://example.org/schema"})"), HasSubstr("inside this schema"));
  EXPECT_THAT(wrong(R"({"items": {"$ref": "#/definitions/no"}})"), HasSubstr("leads nowhere"));
  EXPECT_THAT(wrong(R"({"$ref": "#"})"), HasSubstr("leads back to itself"));
  EXPECT_THAT(wrong(R"({"definitions": {"a": {"$ref": "#/definitions/b"}, "b": {"$ref": "#/definitions/a"}}})"),
              HasSubstr("leads back to itself"));
  EXPECT_THAT(wrong(R"({"definitions": {"a": {}}, "items": {"$ref": "#/definitions/a", "type": "object"}})"),
              HasSubstr("beside $ref"));
}

TEST(AnswerSchema, AListOfItselfIsCheckedAsDeepAsItGoes) {
  const std::string tree = R"({"type": "object", "required": ["name"],
                               "properties": {"children": {"type": "array", "items": {"$ref": "#"}}}})";
  EXPECT_EQ(answer_problem(tree, R"({"name": "a", "children": [{"name": "b", "children": []}]})"), std::nullopt);
  EXPECT_EQ(answer_problem(tree, R"({"name": "a", "children": [{"name": "b", "children": [{}]}]})"),
            "/children/0/children/0/name is missing");
}

}  // namespace
}  // namespace holdfast::jobs
