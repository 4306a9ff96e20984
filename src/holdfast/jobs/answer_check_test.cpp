#include "holdfast/jobs/answer_check.hpp"

#include <gmock/gmock.h>

#include "holdfast/jobs/runner_bench.hpp"

namespace holdfast::jobs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(Fence, IsTakenOffWhereItIsAroundEverything) {
  EXPECT_EQ(without_fence("```json\n{}\n```"), "{}\n");
  EXPECT_EQ(without_fence("\n```\n{\"a\": 1}\n  ```  \n"), "{\"a\": 1}\n  ");
  EXPECT_EQ(without_fence("```JSON\r\n{}\r\n```\r\n"), "{}\r\n");
}

TEST(Fence, NothingElseIsGuessed) {
  for (const char* each : {"{}", "", "```", "``````", "```json {}```", "Here:\n```json\n{}\n```",
                           "```json\n{}\n```\nDone.", "```json\n{}", "```json\n{} ```", "```a\n{}\n```\n```b\n[]\n```"})
    EXPECT_EQ(without_fence(each), each);
}

/// A stage of the job film with a schema, made by a shell command.
class CheckedStage : public RunnerTest {
 protected:
  void prints(const std::string& text) { add_provider("Sh", {"printf", "%s", text}); }
  RunResult run_stage(const std::string& text, const std::string& schema = "\"@list.schema.json\"") {
    std::ofstream(folder / "list.schema.json")
        << R"({"type": "array", "items": {"type": "object", "required": ["a"]}})";
    if (configured.empty()) prints(text);
    return run(R"([[stages]]
name = "list"
kind = "text"
provider = "Sh"
prompt = "p"
output = "list.json"
schema = )" + schema +
               "\n");
  }
};

TEST_F(CheckedStage, AnAnswerThatFollowsIsKeptAsItIs) {
  const RunResult result = run_stage("[{\"a\": 1}]");
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(content(options.out / "list.json"), "[{\"a\": 1}]");
}

TEST_F(CheckedStage, AFenceAroundItIsGoneFromTheArtifact) {
  const RunResult result = run_stage("```json\n[{\"a\": 1}]\n```");
  EXPECT_EQ(result.state, JobState::done) << result.error;
  EXPECT_EQ(content(options.out / "list.json"), "[{\"a\": 1}]\n");
}

TEST_F(CheckedStage, AnAnswerThatDoesNotIsAHardErrorOfItsProviderAndNoArtifact) {
  const std::string answer = "[{\"a\": 1}, {\"b\": 2}]";
  prints(answer);
  std::vector<ProviderFault> faults;
  when<OperationEnded>([&](const OperationEnded& ended) { faults.push_back(ended.fault); });
  const RunResult result = run_stage(answer);
  EXPECT_EQ(result.state, JobState::failed);
  EXPECT_THAT(result.error, AllOf(HasSubstr("stage list"), HasSubstr("Sh"), HasSubstr("/1/a is missing")));
  EXPECT_FALSE(fs::exists(options.out / "list.json"));
  hear_the_end();
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].error_class, ErrorClass::protocol);
}

TEST_F(CheckedStage, ATableInTheJobFileIsASchemaToo) {
  EXPECT_THAT(run_stage("{}", R"({ type = "object", required = ["a"], properties = { a = { minimum = 0.5 } } })").error,
              HasSubstr("/a is missing"));
}

}  // namespace
}  // namespace holdfast::jobs
