#include "holdfast/jobs/job_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace holdfast {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

/// Its own: each test is a process, and they run side by side.
std::filesystem::path folder() {
  const auto path = std::filesystem::path(testing::TempDir()) / ("job_file_test-" + std::to_string(::getpid()));
  std::filesystem::create_directories(path);
  return path;
}

std::filesystem::path written(const std::string& name, std::string_view text) {
  std::ofstream(folder() / name, std::ios::binary) << text;
  return folder() / name;
}

/// The problems without the name of the file: "LINE: …"; those of the command line with their flag.
std::string problems_of(std::string_view text, const JobOverrides& overrides = {}) {
  const auto job = parse_job_file(text, folder() / "job.toml", overrides);
  if (job) return "";
  std::string out;
  const Problems problems = job.error();
  for (const Problem& each : problems.list()) {
    out += (out.empty() ? "" : "\n") + (each.line ? std::to_string(each.line) : each.file) + ": " + each.message;
  }
  return out;
}

constexpr std::string_view film = R"([job]
name = "narrated-video"
patience = "balanced"

[inputs]
article = "@article.md"
speed = 160

[[stages]]
name = "script-generation"
kind = "text"
provider = "RuleBased"
prompt = "Write: ${inputs.article}"
output = "script.json"

[[stages]]
name = "cards"
kind = "image"
provider = "FFmpegCards"
for_each = "${stages.script-generation.scenes}"
prompt = "${item.card}"
output = "card-${index}.png"

[[stages]]
name = "tts-synthesis"
kind = "speech"
provider = "eSpeak"
provider_type = "tts"
for_each = "${stages.Script-Generation.scenes}"
parallel = 2
absolute = true
prompt = "${item.narration}"
output = "narration-${index}.wav"

[[stages]]
name = "scene-clips"
kind = "video"
provider = "FFmpeg"
for_each = "${files.cards}"
command = ["ffmpeg", "-i", "${files.cards}", "-i", "${files.tts-synthesis}", "${output}"]
env = { LEVEL = "${stage}" }
progress = "ffmpeg"
output = "clips/scene-${index}.mkv"

[[stages]]
name = "join"
kind = "video"
provider = "FFmpeg"
prompt = "${files.scene-clips|file '%'}"
output = "${job}.mp4"
)";

class Film : public testing::Test {
 protected:
  void SetUp() override { written("article.md", "# Title\n${job}"); }
};

TEST_F(Film, IsReadWithEverythingItSays) {
  const auto path = written("film.toml", film);
  const auto job = load_job_file(path);
  ASSERT_TRUE(job) << job.error().text();
  EXPECT_EQ(job->path, path);
  EXPECT_EQ(job->text, film);
  EXPECT_EQ(job->name, "narrated-video");
  EXPECT_EQ(job->patience, "balanced");
  ASSERT_EQ(job->inputs.size(), 2u);
  EXPECT_EQ(job->inputs[0], (JobInput{"article", "# Title\n${job}", folder() / "article.md", 6, false}));
  EXPECT_EQ(job->input("speed")->value, "160");
  ASSERT_EQ(job->stages.size(), 5u);
  const Stage& speech = *job->stage("TTS-synthesis");
  EXPECT_EQ(speech.kind, StageKind::speech);
  EXPECT_EQ(speech.provider_type, "tts");
  EXPECT_EQ(speech.parallel, 2u);
  EXPECT_TRUE(speech.absolute);
  EXPECT_EQ(speech.line, 24u);
  EXPECT_EQ(speech.line_of("provider"), 27u);
  EXPECT_EQ(speech.line_of("model"), 24u) << "the key is not there";
  const Stage& clips = *job->stage("scene-clips");
  EXPECT_EQ(clips.command.progress, "ffmpeg");
  EXPECT_EQ(clips.command.arguments.size(), 6u);
  EXPECT_THAT(clips.command.env, ElementsAre(Pair("LEVEL", "${stage}")));
}

TEST_F(Film, StagesOverTheSameItemsAreRecognised) {
  const auto job = parse_job_file(film, folder() / "job.toml");
  ASSERT_TRUE(job) << job.error().text();
  EXPECT_EQ(job->stage("cards")->item_source, "${stages.script-generation.scenes}");
  EXPECT_EQ(job->stage("tts-synthesis")->item_source, job->stage("cards")->item_source) << "case of a name";
  EXPECT_EQ(job->stage("scene-clips")->item_source, job->stage("cards")->item_source)
      << "over the files of such a stage";
  EXPECT_EQ(job->stage("join")->item_source, "");
}

TEST_F(Film, TheCommandLineReplacesInputs) {
  written("other.md", "other");
  JobOverrides overrides;
  overrides.inputs = {{"article", "first"}, {"article", "@other.md"}, {"speed", "@@fast"}};
  overrides.working_folder = folder();
  std::filesystem::remove(folder() / "article.md");
  const auto job = parse_job_file(film, "/elsewhere/job.toml", overrides);
  ASSERT_TRUE(job) << job.error().text();
  EXPECT_EQ(job->inputs[0], (JobInput{"article", "other", folder() / "other.md", 6, true}));
  EXPECT_EQ(job->inputs[1].value, "@fast");
}

// Another provider ran the stage's own command under its name.
TEST_F(Film, AProviderOfTheCommandLineDoesNotBecomeTheOneOfTheFile) {
  JobOverrides overrides;
  overrides.providers = {{"JOIN", "MyFFmpeg"}};
  const auto job = parse_job_file(film, folder() / "job.toml", overrides);
  ASSERT_TRUE(job) << job.error().text();
  EXPECT_EQ(job->stage("join")->provider, "FFmpeg");
}

TEST_F(Film, MistypedNamesOnTheCommandLineAreRefused) {
  JobOverrides overrides;
  overrides.inputs = {{"artcle", "x"}, {"article", "@nowhere.md"}};
  overrides.providers = {{"joyn", "X"}, {"join", ""}};
  overrides.working_folder = folder();
  const std::string said = problems_of(film, overrides);
  EXPECT_THAT(said, HasSubstr("job.toml has no input 'artcle'; did you mean 'article'?"));
  EXPECT_THAT(said, HasSubstr("--input: input 'article': " + (folder() / "nowhere.md").string() + ": cannot be read"));
  EXPECT_THAT(said, HasSubstr("job.toml has no stage 'joyn'; did you mean 'join'?"));
  EXPECT_THAT(said, HasSubstr("--provider: stage 'join': the provider's name is empty"));
}

constexpr std::string_view head = "[job]\nname = \"j\"\n";
/// Lines 3 to 7, then whatever follows from line 8.
const std::string text_stage =
    std::string(head) + "[[stages]]\nname = \"a\"\nkind = \"text\"\nprovider = \"P\"\nprompt = \"x\"\n";
const std::string whole = text_stage + "output = \"a.txt\"\n";
/// The second stage begins in line 9; what follows from line 12.
const std::string second = whole + "[[stages]]\nname = \"b\"\nkind = \"text\"\n";

TEST(JobFile, AnInputThatOnlyTheCommandLineGivesMustBeGiven) {
  const std::string text = text_stage + "output = \"${inputs.topic}.txt\"";
  EXPECT_EQ(problems_of(text),
            "8: stage 'a': output: ${inputs.topic}: there is no input 'topic'; add it below [inputs] or "
            "give it with --input topic=VALUE");
  JobOverrides overrides;
  overrides.inputs = {{"topic", "tea"}};
  const auto job = parse_job_file(text, "job.toml", overrides);
  ASSERT_TRUE(job) << job.error().text();
  EXPECT_EQ(job->input("topic")->line, 0u);
}

TEST(JobFile, SaysAllThatIsWrongNotOnlyTheFirst) {
  EXPECT_EQ(
      problems_of("[job]\nnam = \"j\"\n[inputs]\nx = \"@gone.md\"\n[[stages]]\nname = \"a\"\nkind = \"txt\"\noutput = "
                  "\"../a\"\n"),
      "1: [job]: name is missing\n"
      "2: [job]: unknown key 'nam'; did you mean 'name'?\n"
      "4: input 'x': " +
          (folder() / "gone.md").string() +
          ": cannot be read: No such file or directory\n"
          "5: stage 'a': provider is missing; it names who does the work (a stage with a command of its own can do "
          "without)\n"
          "7: stage 'a': there is no kind 'txt'; known are text, speech, image, video, command; did you mean 'text'?\n"
          "8: stage 'a': output '../a' contains '..'; it must stay inside the folder of the job");
}

TEST(JobFile, RefusesATimeoutAndSaysWhy) {
  for (const std::string& text :
       {whole + "timeout = 30\n", "timeout = 1\n" + whole, "[job]\ntimeout = 5\n" + whole.substr(6)}) {
    EXPECT_THAT(problems_of(text),
                HasSubstr("timeout is refused: slow is not failed, a stage is never ended by elapsed time"));
  }
}

TEST(JobFile, ReadsWhatIsAskedOfALanguageModel) {
  written("script.schema.json", "{ \"type\" : \"object\" }\n");
  const auto job = parse_job_file(whole + "model = \"big\"\nmax_tokens = 500\nschema = \"@script.schema.json\"\n",
                                  folder() / "job.toml");
  ASSERT_TRUE(job) << job.error().text();
  EXPECT_EQ(job->stages[0].model, "big");
  EXPECT_EQ(job->stages[0].max_tokens, 500);
  EXPECT_EQ(job->stages[0].schema, R"({"type":"object"})");
  const auto table = parse_job_file(whole + "[stages.schema]\ntype = \"array\"\nminItems = 2\n", folder() / "job.toml");
  ASSERT_TRUE(table) << table.error().text();
  EXPECT_EQ(table->stages[0].schema, R"({"type":"array","minItems":2})");
}

TEST(JobFile, ASchemaThatCannotBeCheckedIsSaidWithItsLine) {
  written("broken.json", "{\n");
  written("odd.json", R"({"properties": {"a": {"const": 1}}})");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"schema = \"script.json\"", "9: stage 'a': schema must be \"@FILE\""},
      {"schema = 3", "9: stage 'a': schema must be \"@FILE\" or a table"},
      {"schema = \"@gone.json\"", "gone.json"},
      {"schema = \"@broken.json\"", "broken.json' is not JSON"},
      {"schema = \"@odd.json\"", "9: stage 'a': schema: /properties/a 'const' is no word that can be checked"},
      {"schema = { type = \"text\" }", "schema: /type must be of object"},
      {"schema = { default = 2026-11-23 }", "a value in line 9 that JSON does not know"},
      {"max_tokens = 0", "max_tokens"},
      {"modell = \"big\"", "did you mean 'model'?"}};
  for (const auto& [line, problem] : cases)
    EXPECT_THAT(problems_of(whole + line + "\n"), HasSubstr(problem)) << line;
  std::string image = whole + "model = \"big\"\nschema = {}\n";
  image.replace(image.find("\"text\""), 6, "\"image\"");
  EXPECT_THAT(problems_of(image), AllOf(HasSubstr("9: stage 'a': model is for stages of kind text"),
                                        HasSubstr("10: stage 'a': schema is for stages of kind text and command")));
}

TEST(JobFile, NamesTheLineAndWhatWouldBeRight) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "1: the job file: [job] is missing"},
      {"", "1: the job file: there are no [[stages]]"},
      {std::string(head) + "stages = []", "there are no [[stages]]"},
      {"job = 3", "1: the job file: job is a whole number; it must be a table"},
      {std::string(head) + "[stages]\nname = \"a\"", "write [[stages]] above each"},
      {std::string(head) + "[stage]\n" + whole.substr(17),
       "3: the job file: unknown key 'stage'; did you mean 'stages'?"},
      {"[job]\nname = \"\"\n" + whole.substr(17), "2: [job]: name is empty"},
      {"[job]\nname = \"" + std::string(300, 'x') + "\"\n" + whole.substr(17),
       "2: [job]: name is 300 bytes long; 256 are allowed"},
      {whole + "[inputs]\n\"a=b\" = \"\"", "contains one of = | }"},
      {whole + "[inputs]\n\"\" = \"\"", "10: input '': its name is empty"},
      {whole + "[inputs]\nx = [1]", "10: input 'x': is a list; it must be a text"},
      {whole + "[inputs]\nx = \"@\"", "10: input 'x': names no file after its @"},
      {whole + "[inputs]\nx = \"a\\u0000\"", "10: input 'x': contains a NUL"},
      {text_stage, "3: stage 'a': output is missing"},
      {text_stage + "output = \"\"", "8: stage 'a': output is empty"},
      {text_stage + "output = \"/x\"", "8: stage 'a': output '/x' is absolute"},
      {text_stage + "output = \".holdfast/x\"", "lies in .holdfast"},
      {text_stage + "output = \"${index}.txt\"",
       "8: stage 'a': output: ${index}: it is only known in a stage with for_each"},
      {text_stage + "output = \"${output}\"", "it is only known in a command"},
      {whole + "parallel = 65", "9: stage 'a': parallel is 65; it must be from 1 to 64"},
      {whole + "parallel = 0", "parallel is 0"},
      {whole + "absolute = 1", "9: stage 'a': absolute is a whole number; it must be true or false"},
      {whole + "promt = 1", "9: stage 'a': unknown key 'promt'; did you mean 'prompt'?"},
      {whole + "command = \"ls\"", "command is a text; it must be a list"},
      {whole + "command = [\n\"ls\",\n\"${nope}\"]", "11: stage 'a': command: '${nope}' is no variable"},
      {whole + "env = { A = \"${item}\" }", "9: stage 'a': env.A: ${item}: it is only known in a stage with for_each"},
      {whole + "progress = \"x\"", "9: stage 'a': progress is 'x'"},
      {whole + "for_each = \"x\"", "9: stage 'a': for_each must be a single ${stages.NAME.path}"},
      {whole + "for_each = \"${job}\"", "for_each must be a single"},
      {whole + "for_each = 3", "for_each is a whole number"},
      {whole + "for_each = \"${stages.a.x}\"", "9: stage 'a': for_each: ${stages.a.x}: a stage cannot refer to itself"},
      {whole + "for_each = \"${inputs.l}\"\n[inputs]\nl = \"1\"", "input 'l' is no list; a for_each runs over"},
      {whole + "for_each = \"${inputs.l}\"\n[inputs]\nl = \"x\"", "input 'l' is not JSON"},
      {whole + "for_each = \"${inputs.l}\"\n[inputs]\nl = \"[1]\"",
       "8: stage 'a': output 'a.txt' is the same for every item; put ${index} into it"},
      {second + "provider = \"P\"\noutput = \"b\"", "9: stage 'b': prompt is missing; a stage of kind text needs one"},
      {second + "provider = \"\"\nprompt = \"\"\noutput = \"b\"", "12: stage 'b': provider is empty"},
      {second + "provider = \"P\"\nprompt = \"\"\noutput = \"./a.txt\"",
       "14: stage 'b': output 'a.txt' is already the output of stage 'a'"},
      {second + "provider = \"P\"\nprompt = \"\"\noutput = \"a.txt/b\"",
       "14: stage 'b': output 'a.txt/b' needs a folder where stage 'a' puts a file"},
      {second + "provider = \"P\"\nprompt = \"${stages.c}\"\noutput = \"b\"",
       "13: stage 'b': prompt: ${stages.c}: there is no stage 'c'"},
      {second + "provider = \"P\"\nprompt = \"${files.b}\"\noutput = \"b\"", "a stage cannot refer to itself"},
      {second + "provider = \"P\"\nprompt = \"\"\noutput = \"${files.a}\"",
       "a path has no place in the name of an output"},
      {second + "provider = \"P\"\nprompt = \"\"\"\none\n${stages.a} ${nope}\n\"\"\"\noutput = \"b\"",
       "15: stage 'b': prompt: '${nope}'"},
      {whole + "[[stages]]\nname = \"A\"\nkind = \"text\"\nprovider = \"P\"\nprompt = \"\"\noutput = \"b\"",
       "10: stage 'A': there is already a stage 'a' in line 3 (names compare without regard to case)"},
      {whole + "[[stages]]\nkind = \"text\"\nprovider = \"P\"\nprompt = \"\"\noutput = \"b\"",
       "9: stage 2: name is missing"},
      {whole + "[[stages]]\nname = \"b\"\nprovider = \"P\"\noutput = \"b\"",
       "9: stage 'b': kind is missing; it is one of text, speech"},
      {"x = \n", "1: is not TOML"},
  };
  for (const auto& [text, problem] : cases)
    EXPECT_THAT(problems_of(text), HasSubstr(problem)) << text;
}

TEST(JobFile, AReferenceToALaterStageIsToldFromAMistypedOne) {
  const std::string text = text_stage +
                           "output = \"${stages.b}\"\n[[stages]]\nname = \"b\"\nkind = \"speech\"\nprovider = \"P\"\n"
                           "prompt = \"\"\noutput = \"b\"\n[[stages]]\nname = \"c\"\nkind = \"text\"\nprovider = "
                           "\"P\"\nprompt = \"${stages.B}\"\noutput = \"c\"";
  EXPECT_EQ(problems_of(text),
            "8: stage 'a': output: ${stages.b}: stage 'b' comes later; stages run in order\n"
            "19: stage 'c': prompt: ${stages.B}: stage 'b' makes speech, which is no text; ${files.b} is the path of "
            "its file");
}

TEST(JobFile, OutputsThatAnIndexCanMakeEqualAreRefused) {
  const std::string stages =
      text_stage +
      "output = \"n-07.wav\"\n[inputs]\nl = \"[1]\"\n[[stages]]\nname = \"b\"\nkind = \"text\"\nprovider = \"P\"\n"
      "prompt = \"\"\nfor_each = \"${inputs.l}\"\n";
  EXPECT_EQ(problems_of(stages + "output = \"n-${index}.wav\""),
            "17: stage 'b': output 'n-${index}.wav' can become 'n-07.wav', the output of stage 'a'");
  EXPECT_EQ(problems_of(stages + "output = \"m-${index}.wav\""), "");
  EXPECT_EQ(problems_of(stages + "output = \"${index}.wav\""), "");
}

TEST(JobFile, AStageWithACommandNeedsNoProviderAndIsNamedAfterItsProgram) {
  const auto stage = [](const std::string& command) {
    const auto job = parse_job_file(std::string(head) + "[[stages]]\nname = \"a\"\nkind = \"command\"\ncommand = [" +
                                        command + "]\noutput = \"x\"\ncwd = \"w\"",
                                    folder() / "job.toml");
    EXPECT_TRUE(job) << job.error().text();
    return job ? job->stages.at(0) : Stage();
  };
  EXPECT_EQ(stage("\"ffmpeg\"").provider, "ffmpeg");
  EXPECT_EQ(stage("\"bin/tool\"").provider, "tool");
  EXPECT_EQ(stage("\"bin/tool\"").command.arguments[0], folder() / "bin/tool") << "beside the job file";
  EXPECT_EQ(stage("\"${job}\"").provider, "command");
  EXPECT_EQ(stage("\"x\"").command.cwd, folder() / "w");
}

TEST(JobFile, LimitsAreNamed) {
  const std::string huge = whole + "# " + std::string(10 * 1024 * 1024, 'x');
  EXPECT_EQ(problems_of(huge), (folder() / "job.toml").string() + ": is larger than 1 MiB, which is the limit");
  EXPECT_EQ(load_job_file(written("huge.toml", huge)).error().text(),
            (folder() / "huge.toml").string() + ": is larger than 1 MiB, which is the limit");
  written("large.txt", std::string(input_bytes_max + 1, 'x'));
  EXPECT_THAT(problems_of(whole + "[inputs]\na = \"@large.txt\""),
              HasSubstr("large.txt: is larger than 16 MiB, which is the limit"));
  written("latin.txt", "a\n\xe4");
  EXPECT_THAT(problems_of(whole + "[inputs]\na = \"@latin.txt\""), HasSubstr("latin.txt:2: is not valid UTF-8"));
  written("full.txt", std::string(input_bytes_max, 'x'));
  std::string inputs = whole + "[inputs]\n";
  for (const char name : {'a', 'b', 'c', 'd', 'e'})
    inputs += std::string(1, name) + " = \"@full.txt\"\n";
  EXPECT_THAT(problems_of(inputs), HasSubstr("14: input 'e': with it the inputs are larger than 64 MiB together"));
  JobOverrides overrides;
  overrides.inputs = {{"a", std::string(input_bytes_max + 1, 'x')}, {"b", "\xff"}};
  const std::string said = problems_of(whole + "[inputs]\na = 1\nb = 2", overrides);
  EXPECT_THAT(said, HasSubstr("--input: input 'a': is larger than 16 MiB"));
  EXPECT_THAT(said, HasSubstr("--input: input 'b': is not valid UTF-8"));
  std::string many = whole;
  for (int i = 0; i < 300; ++i)
    many += "[[stages]]\n";
  EXPECT_THAT(problems_of(many), HasSubstr("there are 301 stages; at most 256 are allowed"));
  many = whole + "[inputs]\n";
  for (int i = 0; i < 300; ++i)
    many += "i" + std::to_string(i) + " = 1\n";
  EXPECT_THAT(problems_of(many), HasSubstr("9: [inputs]: there are 300 inputs; 256 are allowed"));
}

TEST(JobFile, InputsMayBeNumbersAndTruth) {
  const auto job = parse_job_file(whole + "[inputs]\na = 1\nb = 0.5\nc = true\nd = \"@@x\"", "job.toml");
  ASSERT_TRUE(job) << job.error().text();
  EXPECT_EQ(job->input("a")->value + job->input("b")->value + job->input("c")->value + job->input("d")->value,
            "10.5true@x");
}

TEST(JobFile, TheTemplateOfInitIsAGoodJob) {
  const auto job = parse_job_file(job_template(), "job.toml");
  ASSERT_TRUE(job) << job.error().text();
  EXPECT_EQ(job->stages.size(), 2u);
}

TEST(JobFile, AssignmentsSplitAtTheFirstEqualsSign) {
  EXPECT_EQ(parse_assignment("a=b=c", "--input").value(), std::pair(std::string("a"), std::string("b=c")));
  EXPECT_EQ(parse_assignment("a=", "--input").value().second, "");
  EXPECT_EQ(parse_assignment("=x", "--input").error().message, "--input '=x': it must be NAME=VALUE");
  EXPECT_FALSE(parse_assignment("x", "--provider"));
}

TEST(Command, OfAStageIsItsOwnOrItsProvidersWithWhatTheStageSays) {
  CommandSpec provider{{"p", "${output}"}, {{"A", "1"}, {"B", "2"}}, "/w", {}, "lines"};
  Stage stage;
  EXPECT_EQ(command_of(stage, provider),
            (CommandSpec{{"p", "${output}"}, {{"A", "1"}, {"B", "2"}}, "/w", {0}, "lines"}));
  stage.command = {{}, {{"B", "3"}, {"C", "4"}}, "/v", {1}, "ffmpeg"};
  EXPECT_EQ(command_of(stage, provider),
            (CommandSpec{{"p", "${output}"}, {{"A", "1"}, {"B", "3"}, {"C", "4"}}, "/v", {1}, "ffmpeg"}));
  stage.command = {{"q"}, {}, {}, {}, ""};
  EXPECT_EQ(command_of(stage, provider), (CommandSpec{{"q"}, {}, {}, {0}, "output-bytes"}));
}

TEST(Command, TellsWhichVariablesItMentionsAndWhatIsWrongWithThem) {
  const auto command = parse_command({{"p", "-o${output}"}, {{"A", "${input_file}"}}, {}, {}, ""});
  ASSERT_TRUE(command);
  EXPECT_TRUE(command->mentions(Reference::Kind::output));
  EXPECT_TRUE(command->mentions(Reference::Kind::input_file));
  EXPECT_FALSE(command->mentions(Reference::Kind::input));
  EXPECT_THAT(parse_command({{"${x}"}, {}, {}, {}, ""}).error().message, HasSubstr("command: '${x}' is no variable"));
  EXPECT_THAT(parse_command({{"x"}, {{"A", "${"}}, {}, {}, ""}).error().message,
              HasSubstr("env.A: '${' is not closed"));
}

}  // namespace
}  // namespace holdfast
