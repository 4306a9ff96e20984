#include "holdfast/jobs/template.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "holdfast/jobs/output_names.hpp"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view script = R"({"title":"T","count":3,"half":1.5,"yes":true,"none":null,
  "scenes":[{"title":"one","n":[1,2.0]},{"title":"two"}],"empty":[],"hollow":{}})";

StageOutput one(std::string file, std::string text) {
  return {{std::move(file)},
          [text](std::size_t) { return result<std::string>(boost::system::in_place_value, text); },
          false,
          ""};
}

Scope scope() {
  Scope out;
  out.job = "film-k3f9q2";
  out.stage = "cards";
  out.set_input("article", "costs $5, ${job} and $$");
  out.set_input("list", "[1,2]");
  out.set_stage("Script-Generation", one("/o/script.json", std::string(script)));
  out.set_stage("v1.2", one("/o/v.json", R"({"a":"dotted"})"));
  out.set_stage("prose", one("/o/p.txt", "plain\nwords"));
  out.set_stage("clips", {{"/o/a.mkv", "/o/it's.mkv", "/o/c.mkv"},
                          [](std::size_t i) {
                            return result<std::string>(boost::system::in_place_value,
                                                       "{\"i\":" + std::to_string(i) + "}");
                          },
                          true,
                          "${stages.script-generation.scenes}"});
  out.set_stage("nothing", {{}, {}, true, "x"});
  return out;
}

Scope in_item(std::size_t index, std::size_t count, boost::json::value value = {{"title", "one"}, {"n", 7}}) {
  Scope out = scope();
  out.item = ItemValues{std::move(value), index, count, "${stages.script-generation.scenes}"};
  return out;
}

std::string done(std::string_view text, const Scope& values = scope()) {
  const auto read = Template::parse(text);
  if (!read) return "PARSE " + read.error().message;
  const auto out = expand(*read, values);
  return out ? *out : "FAIL " + out.error().message;
}

std::vector<std::string> arguments(const std::vector<std::string>& texts, const Scope& values = scope()) {
  std::vector<Template> read;
  for (const std::string& each : texts)
    read.push_back(*Template::parse(each));
  const auto out = expand_arguments(read, values);
  return out ? *out : std::vector{"FAIL " + out.error().message};
}

TEST(Template, ReplacesInputsJobAndStage) {
  EXPECT_EQ(done("${job}/${stage}: ${inputs.list}"), "film-k3f9q2/cards: [1,2]");
  EXPECT_EQ(done(""), "");
}

TEST(Template, ExpandsOnceSoThatAValueIsNeverExpandedAgain) {
  EXPECT_EQ(done("<${inputs.article}>"), "<costs $5, ${job} and $$>");
}

TEST(Template, ADollarSignIsItselfUnlessABraceFollowsAndTwoAreOne) {
  EXPECT_EQ(done("$$ $1 $ $x $"), "$ $1 $ $x $");
  EXPECT_EQ(done("$${job} $$${job}"), "${job} $film-k3f9q2");
}

TEST(Template, TakesTextAndValuesOfStages) {
  EXPECT_EQ(done("${stages.prose}"), "plain\nwords");
  EXPECT_EQ(done("${stages.SCRIPT-generation.title}"), "T") << "names compare without regard to case";
  EXPECT_EQ(done("${stages.Script-Generation.scenes.1.title}"), "two");
  EXPECT_EQ(done("${stages.Script-Generation.scenes.0}"), R"({"title":"one","n":[1,2]})");
  EXPECT_EQ(done("${stages.Script-Generation.half} ${stages.Script-Generation.yes} ${stages.Script-Generation.none}"),
            "1.5 true null");
  EXPECT_EQ(done("${stages.v1.2.a}"), "dotted") << "the longest name wins";
}

TEST(Template, AMissingPathSaysHowFarItLeadsAndWhatIsThere) {
  const std::string begin = "FAIL ${stages.script-generation.";
  EXPECT_EQ(done("${stages.script-generation.scene}"),
            begin +
                "scene}: the output of stage 'Script-Generation' has no 'scene': it has title, count, half, yes, none, "
                "scenes, empty, hollow");
  EXPECT_THAT(done("${stages.script-generation.scenes.2.title}"),
              HasSubstr("has no 'scenes.2': 'scenes' is a list of 2 (0 to 1)"));
  EXPECT_THAT(done("${stages.script-generation.scenes.x}"), HasSubstr("has no 'scenes.x'"));
  EXPECT_THAT(done("${stages.script-generation.title.x}"), HasSubstr("has no 'title.x': 'title' is T"));
  EXPECT_THAT(done("${stages.script-generation.empty.0}"), HasSubstr("'empty' is an empty list"));
  EXPECT_THAT(done("${stages.script-generation.hollow.a}"), HasSubstr("'hollow' is empty"));
  EXPECT_EQ(done("${stages.prose.title}"),
            "FAIL ${stages.prose.title}: the output of stage 'prose' is not JSON: syntax error in line 1");
  EXPECT_EQ(done("${stages.gone.title}"), "FAIL ${stages.gone.title}: there is no finished stage 'gone'");
  EXPECT_EQ(done("${inputs.gone}"), "FAIL ${inputs.gone}: there is no input 'gone'");
  EXPECT_THAT(done("${files.gone}"), HasSubstr("there is no finished stage 'gone'"));
}

TEST(Template, ReadsAndParsesAStageOnceAndOnlyWhenAsked) {
  int reads = 0;
  Scope values = scope();
  values.set_stage("counted", {{"f"},
                               [&](std::size_t) {
                                 ++reads;
                                 return result<std::string>(boost::system::in_place_value, "{\"a\":1}");
                               },
                               false,
                               ""});
  done("${files.counted}", values);
  EXPECT_EQ(reads, 0);
  const Scope copy = values;
  EXPECT_EQ(done("${stages.counted.a}${stages.counted}", values) + done("${stages.counted.a}", copy), "1{\"a\":1}1");
  EXPECT_EQ(reads, 1);
}

TEST(Template, PassesOnWhyAnArtifactCannotBeRead) {
  Scope values = scope();
  values.set_stage(
      "bad", {{"f"}, [](std::size_t) { return result<std::string>(Failure{Errc::too_large, "is huge"}); }, false, ""});
  values.set_stage("mute", {{"f"}, {}, false, ""});
  values.set_stage("none", {{}, {}, false, ""});
  EXPECT_EQ(done("${stages.bad}", values), "FAIL ${stages.bad}: the output of stage 'bad' is huge");
  EXPECT_EQ(done("${stages.bad.a}", values), "FAIL ${stages.bad.a}: the output of stage 'bad' is huge");
  EXPECT_THAT(done("${stages.mute.a}", values), HasSubstr("cannot be read as text"));
  EXPECT_THAT(done("${stages.none.a}", values), HasSubstr("is not there"));
}

TEST(Template, FilesAreOneALineInAPromptAndWrapped) {
  EXPECT_EQ(done("${files.script-generation}"), "/o/script.json");
  EXPECT_EQ(done("${files.clips}"), "/o/a.mkv\n/o/it's.mkv\n/o/c.mkv");
  EXPECT_EQ(done("${files.clips|file '%'}"), "file '/o/a.mkv'\nfile '/o/it'\\''s.mkv'\nfile '/o/c.mkv'");
  EXPECT_EQ(done("${files.script-generation|100%% of % %}"), "100% of /o/script.json /o/script.json");
  EXPECT_EQ(done("[${files.nothing}]"), "[]");
}

TEST(Template, InAForEachOverTheSameItemsAStageStandsForThatItem) {
  EXPECT_EQ(done("${files.clips} ${stages.clips} ${stages.clips.i}", in_item(2, 3)), "/o/it's.mkv {\"i\":1} 1");
  EXPECT_EQ(done("${stages.clips.2.i} ${stages.clips.1.i}"), "2 1") << "elsewhere: the list of all";
  EXPECT_EQ(done("${stages.clips}"), "{\"i\":0}\n{\"i\":1}\n{\"i\":2}");
  Scope other = in_item(2, 3);
  other.item->source = "${inputs.list}";
  EXPECT_EQ(done("${files.clips|%,}", other), "/o/a.mkv,\n/o/it's.mkv,\n/o/c.mkv,");
}

TEST(Template, TheItemAndItsIndex) {
  EXPECT_EQ(done("${item.title} ${item.n} ${item}", in_item(1, 3)), R"(one 7 {"title":"one","n":7})");
  EXPECT_EQ(done("${item}", in_item(1, 3, "raw \"text\"")), "raw \"text\"");
  EXPECT_EQ(done("${item.body}", in_item(2, 3)), "FAIL ${item.body}: item 2 has no 'body': it has title, n");
  EXPECT_EQ(done("${index}", in_item(7, 9)), "7");
  EXPECT_EQ(done("${index}", in_item(7, 10)), "07");
  EXPECT_EQ(done("${index}", in_item(100, 100)), "100");
  EXPECT_THAT(done("${index}"), HasSubstr("outside a for_each"));
  EXPECT_THAT(done("${item}"), HasSubstr("outside a for_each"));
}

TEST(Template, ArgumentsStayArguments) {
  Scope values = scope();
  values.command = CommandValues{"a prompt\nof two lines", "/t/in", "/t/out"};
  EXPECT_THAT(arguments({"sh", "-c", "cat \"$1\"", "sh", "${input}", "${input_file}", "-o${output}"}, values),
              ElementsAre("sh", "-c", "cat \"$1\"", "sh", "a prompt\nof two lines", "/t/in", "-o/t/out"));
  EXPECT_THAT(arguments({"x", "${files.clips}", "${files.nothing}", "${files.clips|-i%}"}),
              ElementsAre("x", "/o/a.mkv", "/o/it's.mkv", "/o/c.mkv", "-i/o/a.mkv", "-i/o/it's.mkv", "-i/o/c.mkv"));
  EXPECT_THAT(arguments({"-i=${files.prose}"}), ElementsAre("-i=/o/p.txt"));
  EXPECT_THAT(arguments({"-i=${files.clips}"}).at(0),
              HasSubstr("stands for 3 files inside an argument; make it an argument of its own"));
  EXPECT_THAT(arguments({"${files.gone}"}).at(0), HasSubstr("FAIL ${files.gone}: there is no"));
  EXPECT_THAT(arguments({"${output}"}).at(0), HasSubstr("only known in a command"));
  values.command->input = std::string(argument_bytes_max + 1, 'x');
  EXPECT_THAT(arguments({"${input}"}, values).at(0), HasSubstr("pass ${input_file} instead"));
  values.command->input = std::string("a\0b", 3);
  EXPECT_THAT(arguments({"${input}"}, values).at(0), HasSubstr("NUL"));
}

TEST(Template, SaysWhatIsWrongWithAVariableAndWhere) {
  std::vector<TemplateProblem> problems;
  Template::parse("a ${input.x} ${nope}\n${files.a|b", problems);
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].offset, 2u);
  EXPECT_EQ(problems[0].message, "'${input.x}' has something after ${input}; did you mean 'inputs'?");
  EXPECT_EQ(problems[1].offset, 13u);
  EXPECT_THAT(problems[1].message, HasSubstr("'${nope}' is no variable; known are inputs, stages, files, item, index"));
  EXPECT_EQ(problems[2].offset, 21u);
  EXPECT_THAT(problems[2].message, HasSubstr("is not closed in its line"));
  for (const auto& [text, message] :
       std::vector<std::pair<std::string, std::string>>{{"${}", "names no variable"},
                                                        {"${ job }", "has blanks inside its braces"},
                                                        {"${inputs}", "write ${inputs.NAME}"},
                                                        {"${inputs.}", "write ${inputs.NAME}"},
                                                        {"${item.}", "ends with a dot"},
                                                        {"${job.x}", "has something after ${job}"},
                                                        {"${job|%}", "only ${files.NAME|…} wraps"},
                                                        {"${files.a|b}", "has no '%'"},
                                                        {"${stagess.a}", "did you mean 'stages'?"},
                                                        {"${HOME}", "write $${ for the text itself"}}) {
    EXPECT_THAT(done(text), HasSubstr(message)) << text;
  }
}

TEST(Template, KnowsWhatItMentions) {
  const Template text = *Template::parse("a${files.x|'%'}b${index}");
  EXPECT_TRUE(text.mentions(Reference::Kind::index));
  EXPECT_FALSE(text.mentions(Reference::Kind::input));
  EXPECT_EQ(text.only_reference(), nullptr);
  ASSERT_EQ(text.references().size(), 2u);
  EXPECT_EQ(holdfast::text(text.references()[0]), "${files.x|'%'}");
  EXPECT_EQ(Template::parse("${item}")->only_reference()->kind, Reference::Kind::item);
  EXPECT_EQ(*expand(Template::literal("${x}$$"), Scope()), "${x}$$");
}

TEST(Template, RefusesToGrowAboveItsLimit) {
  Scope values;
  values.set_input("a", std::string(16 * 1024 * 1024, 'x'));
  EXPECT_THAT(done("${inputs.a}${inputs.a}${inputs.a}${inputs.a}${inputs.a}", values), HasSubstr("grows above 64 MiB"));
}

result<std::vector<boost::json::value>> items(std::string_view text, const Scope& values = scope()) {
  return expand_items(*Template::parse(text)->only_reference(), values);
}

TEST(Items, AreTheEntriesOfAListOrFiles) {
  EXPECT_EQ(items("${stages.script-generation.scenes}")->size(), 2u);
  EXPECT_EQ(items("${inputs.list}")->at(1), boost::json::value(2));
  EXPECT_EQ(items("${files.clips}")->at(2), boost::json::value("/o/c.mkv"));
  EXPECT_EQ(items("${stages.clips}")->size(), 3u);
  EXPECT_TRUE(items("${stages.script-generation.empty}")->empty());
  EXPECT_THAT(items("${stages.script-generation.title}").error().message,
              HasSubstr("is no list; a for_each runs over"));
  EXPECT_THAT(items("${stages.script-generation.x}").error().message, HasSubstr("has no 'x'"));
  EXPECT_THAT(items("${inputs.article}").error().message, HasSubstr("is not JSON"));
  EXPECT_THAT(items("${files.gone}").error().message, HasSubstr("there is no finished stage"));
  Scope values;
  std::string list = "[0";
  for (std::size_t i = 0; i < items_max; ++i)
    list += ",0";
  values.set_input("list", list + "]");
  EXPECT_EQ(items("${inputs.list}", values).error().code, Errc::too_large);
}

TEST(Json, SaysInWhichLineItBreaks) {
  EXPECT_EQ(parse_json("{\n\"a\": 1,\n}").error().message, "is not JSON: syntax error in line 3");
  EXPECT_THAT(parse_json("[1]\n x").error().message, HasSubstr("is not JSON"));
  EXPECT_THAT(parse_json("[1").error().message, HasSubstr("is not JSON"));
  EXPECT_THAT(parse_json("").error().message, HasSubstr("is not JSON"));
  EXPECT_TRUE(parse_json(" [1] \n"));
  EXPECT_FALSE(parse_json(std::string(100'000, '[')));
}

TEST(Outputs, StayInside) {
  for (const char* good : {"a.json", "clips/a.mkv", "./a", "a..b", ".hidden", "ä/ö", "a/.holdfast"}) {
    EXPECT_EQ(output_problem(good), std::nullopt) << good;
  }
  for (const auto& [bad, why] :
       std::vector<std::pair<std::string, std::string>>{{"", "is empty"},
                                                        {"/etc/x", "is absolute"},
                                                        {"..", "contains '..'"},
                                                        {"a/../../b", "contains '..'"},
                                                        {"a/", "ends with a slash"},
                                                        {".", "is a folder"},
                                                        {"a/.", "is a folder"},
                                                        {".holdfast/x", "Holdfast's own"},
                                                        {"./.HOLDFAST", "Holdfast's own"},
                                                        {"a\nb", "control character"},
                                                        {"\xff", "not valid UTF-8"},
                                                        {std::string(256, 'x'), "has a part of 256 bytes"},
                                                        {std::string(1025, 'x'), "1025 bytes long"}}) {
    EXPECT_THAT(output_problem(bad).value_or(""), HasSubstr(why)) << bad;
  }
}

TEST(Outputs, AreTakenOnce) {
  OutputNames names;
  EXPECT_EQ(names.take("stage 'a'", "x/y.txt"), std::nullopt);
  EXPECT_EQ(names.take("stage 'b'", "./x//y.txt"), "'x/y.txt' is already the output of stage 'a'");
  EXPECT_EQ(names.take("stage 'b'", "x"), "'x' is already a folder in the output of stage 'a'");
  EXPECT_EQ(names.take("stage 'b'", "x/y.txt/z"), "'x/y.txt/z' needs a folder where stage 'a' puts a file");
  EXPECT_EQ(names.take("stage 'b'", "x/z"), std::nullopt);
}

TEST(Outputs, OfItemsAreNumberedAndMustDiffer) {
  OutputNames taken;
  const std::vector<boost::json::value> values = {{{"n", "a"}}, {{"n", "a"}}};
  EXPECT_THAT(*expand_outputs(*Template::parse("c-${index}.png"), scope(), values, "s", taken),
              ElementsAre("c-1.png", "c-2.png"));
  EXPECT_THAT(*expand_outputs(*Template::parse("./${job}.mp4"), scope(), taken), ElementsAre("film-k3f9q2.mp4"));
  EXPECT_EQ(expand_outputs(*Template::parse("${item.n}"), scope(), values, "s", taken).error().message,
            "stage 'cards', item 2: output 'a' is already the output of stage 'cards', item 1");
  EXPECT_EQ(expand_outputs(*Template::parse("${item.m}"), scope(), values, "s", taken).error().message,
            "stage 'cards', item 1: output: ${item.m}: item 1 has no 'm': it has n");
  EXPECT_THAT(expand_outputs(*Template::parse("../${job}"), scope(), taken).error().message,
              HasSubstr("contains '..'"));
}

}  // namespace
}  // namespace holdfast
