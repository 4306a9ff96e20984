#include <sys/stat.h>

#include <filesystem>

#include "holdfast/control/control_driver.hpp"

namespace holdfast::control {
namespace {

using testing::HasSubstr;

constexpr const char* two_locks =
    R"({"jobId": "job", "name": "film", "patienceProfile": "longForm", "correlationId": "corr", "by": "ana", "locks": [)"
    R"({"providerName": "Ollama", "stages": ["script"]}, {"providerName": "eSpeak", "providerType": "tts", )"
    R"("stages": ["speech"], "overridable": false}], "consents": ["stall after 10m: switch to OpenAI"]})";

class Service_ : public testing::TestWithParam<const char*> {
 protected:
  static GatewayOptions options() {
    GatewayOptions options = Served::with_providers();
    options.store = GetParam();
    options.program = "a test";
    return options;
  }
  Served served_{options()};
};
INSTANTIATE_TEST_SUITE_P(Stores, Service_, testing::Values("memory:", "sqlite:"),
                         [](const auto& info) { return std::string(info.param, 6); });

TEST_P(Service_, OpensAJobWithItsLocksAndConsentsAndShowsIt) {
  const Got opened = served_.post("/jobs", two_locks);
  ASSERT_EQ(opened.status, 201) << opened.text;
  EXPECT_EQ(opened.fields.find("Location"), "/holdfast/v1/jobs/job");
  const Got shown = served_.get("/jobs/job");
  EXPECT_EQ(shown.json, opened.json);
  EXPECT_EQ(shown.json.at("state").get_string(), "running");
  EXPECT_EQ(shown.json.at("patienceProfile").get_string(), "longForm");
  EXPECT_EQ(shown.json.at("locks").at(0).at("correlationId").get_string(), "corr");
  EXPECT_EQ(shown.json.at("locks").at(0).at("providerType").get_string(), "local_llm");
  EXPECT_FALSE(shown.json.at("locks").at(1).at("overridable").get_bool());
  const Got trail = served_.get("/audit?job=job");
  EXPECT_THAT(trail.text, HasSubstr("stall after 10m: switch to OpenAI"));
  EXPECT_THAT(trail.text, HasSubstr("\"openedBy\": \"ana\""));
}

TEST_P(Service_, TheSameJobAgainIsHarmlessAndAddsOnlyWhatIsNew) {
  served_.post("/jobs", two_locks);
  const Got again = served_.post("/jobs", two_locks);
  EXPECT_EQ(again.status, 200) << again.text;
  EXPECT_EQ(again.json.at("locks").get_array().size(), 2u);
  const Got more =
      served_.post("/jobs", R"({"jobId": "job", "locks": [{"providerName": "FFmpeg", "stages": ["film"]}]})");
  EXPECT_EQ(more.status, 200) << more.text;
  EXPECT_EQ(more.json.at("locks").get_array().size(), 3u);
}

TEST_P(Service_, ARefusedLockLeavesTheJobAsItWas) {
  const Got among = served_.post("/jobs", R"({"jobId": "x", "locks": [{"providerName": "A", "stages": ["s"]},)"
                                          R"( {"providerName": "B"}]})");
  EXPECT_EQ(among.status, 409);
  EXPECT_EQ(among.code(), "lock_conflict");
  EXPECT_EQ(served_.get("/jobs/x").status, 404);

  served_.post("/jobs", two_locks);
  const Got held = served_.post("/jobs", R"({"jobId": "job", "locks": [{"providerName": "New", "stages": ["film"]},)"
                                         R"( {"providerName": "OpenAI", "stages": ["script"]}]})");
  EXPECT_EQ(held.code(), "lock_conflict");
  EXPECT_EQ(served_.get("/jobs/job").json.at("locks").get_array().size(), 2u);
  EXPECT_THAT(served_.get("/audit?job=job").text, HasSubstr("\"kind\": \"refused\""));
}

TEST_P(Service_, MakesAnIdForAJobThatHasNone) {
  const Got one = served_.post("/jobs", R"({"name": "film"})"), other = served_.post("/jobs", "{}");
  EXPECT_EQ(one.status, 201);
  EXPECT_THAT(std::string(one.json.at("jobId").get_string()), testing::MatchesRegex("film-[0-9a-z]{8}"));
  EXPECT_THAT(std::string(other.json.at("jobId").get_string()), testing::StartsWith("job-"));
}

TEST_P(Service_, ListsJobsInPagesNewestFirst) {
  for (const char* id : {"a", "b", "c"})
    ASSERT_EQ(served_.post("/jobs", R"({"jobId": ")" + std::string(id) + "\"}").status, 201);
  served_.post("/jobs/b/cancel", R"({"confirmed": true})");
  const Got all = served_.get("/jobs");
  EXPECT_EQ(all.json.at("jobs").get_array().size(), 3u);
  EXPECT_TRUE(all.json.at("next").is_null());
  std::vector<std::string> ids;
  std::string after;
  do {
    const Got page = served_.get("/jobs?state=active&limit=1" + after);
    ASSERT_EQ(page.status, 200) << page.text;
    ASSERT_EQ(page.json.at("jobs").get_array().size(), 1u);
    ids.emplace_back(page.json.at("jobs").at(0).at("jobId").get_string());
    const auto& next = page.json.at("next");
    after = next.is_null() ? "" : "&after=" + std::string(next.get_string());
  } while (!after.empty());
  EXPECT_THAT(ids, testing::ElementsAre("c", "a"));
}

/// All entries of a list, one or two a page, each page as the document has it.
std::vector<std::string> paged(Served& served, const std::string& list, const char* name, const char* key) {
  std::vector<std::string> out;
  std::string after;
  for (std::size_t pages = 0; pages < 20; ++pages) {
    const Got page = served.get(list + (list.find('?') == std::string::npos ? "?" : "&") + "limit=2" + after);
    EXPECT_EQ(page.status, 200) << page.text;
    const auto& entries = page.json.at(name).get_array();
    EXPECT_LE(entries.size(), 2u);
    for (const auto& each : entries)
      out.push_back(boost::json::serialize(each.at(key)));
    if (page.json.at("next").is_null()) return out;
    EXPECT_EQ(entries.size(), 2u);
    after = "&after=" + net::percent_encode(page.json.at("next").get_string());
  }
  ADD_FAILURE() << list << " does not end";
  return out;
}

TEST_P(Service_, EveryListThatGrowsGoesOnBehindItsFirstPage) {
  std::vector<std::string> locked = {"Ollama"}, decided;
  served_.post("/jobs/job/locks", R"({"providerName": "Ollama", "correlationId": "c"})");
  for (const std::string to : {"OpenAI", "Ollama", "OpenAI", "Ollama"}) {
    const Got got = served_.post(
        "/jobs/job/decisions", R"({"fromProvider": ")" + locked.back() + R"(", "toProvider": ")" + to +
                                   R"(", "reasonCode": "USER_REQUEST", "correlationId": "c", "userConfirmed": true})");
    ASSERT_EQ(got.status, 201) << got.text;
    locked.push_back(to);
    decided.push_back(boost::json::serialize(got.json.at("timestamp")));
  }
  const auto names = paged(served_, "/jobs/job/locks", "locks", "providerName");
  ASSERT_EQ(names.size(), locked.size());
  for (std::size_t i = 0; i < names.size(); ++i)
    EXPECT_EQ(names[i], "\"" + locked[i] + "\"");
  EXPECT_EQ(paged(served_, "/jobs/job/decisions", "decisions", "timestamp"), decided);
  const auto records = served_.get("/audit?job=job").json.at("records").get_array();
  const auto numbers = paged(served_, "/audit?job=job", "records", "seq");
  ASSERT_EQ(numbers.size(), records.size());
  for (std::size_t i = 0; i < numbers.size(); ++i)
    EXPECT_EQ(numbers[i], std::to_string(i + 1));
}

TEST_P(Service_, ABadCursorOrLimitIsAProblemThatNamesTheParameter) {
  served_.post("/jobs/job/locks", R"({"providerName": "A"})");
  for (const std::string list :
       {"/jobs?", "/operations?", "/jobs/job/locks?", "/jobs/job/decisions?", "/audit?job=job&"}) {
    for (const char* wrong :
         {"after=nobody", "after=-1", "after=0", "after=99", "after=1.5", "limit=0", "limit=1001", "limit=some"}) {
      const Got got = served_.get(list + wrong);
      EXPECT_EQ(got.status, 400) << list << wrong << ": " << got.text;
      EXPECT_EQ(got.code(), "invalid_argument");
      EXPECT_THAT(got.detail(), HasSubstr(std::string(wrong).starts_with("after") ? "'after'" : "'limit'"));
    }
  }
  EXPECT_EQ(served_.get("/audit?job=nobody&after=1").code(), "no_such_job");
}

TEST_P(Service_, ReleasesAJobOnce) {
  served_.post("/jobs", R"({"jobId": "job", "locks": [{"providerName": "Ollama"}]})");
  EXPECT_TRUE(served_.ask("DELETE", "/jobs/job").json.at("released").get_bool());
  EXPECT_FALSE(served_.ask("DELETE", "/jobs/job").json.at("released").get_bool());
  EXPECT_EQ(served_.ask("DELETE", "/jobs/nobody").code(), "no_such_job");
  EXPECT_EQ(served_.get("/jobs/job/locks").json.at("locks").at(0).at("state").get_string(), "released");
}

// A job file's run went on without its locks, and opened the job again when its stage ended.
TEST_P(Service_, AJobThatIsBeingRunFromAFileIsNotReleased) {
  Gateway& gateway = served_.gateway();
  gateway.open_job({.job_id = "film", .plan = std::make_shared<const JobPlan>()});
  gateway.lock_provider({.job_id = "film", .provider_name = "Ollama", .provider_type = "local_llm"});
  EXPECT_EQ(served_.ask("DELETE", "/jobs/film").code(), "confirmation_required");
  EXPECT_TRUE(gateway.provider_lock("film")->active());
  gateway.close_job("film", JobState::failed);
  EXPECT_TRUE(served_.ask("DELETE", "/jobs/film").json.at("released").get_bool());
}

TEST_P(Service_, CancelsAJobOnlyConfirmed) {
  served_.post("/jobs", R"({"jobId": "job"})");
  const Got unconfirmed = served_.post("/jobs/job/cancel", R"({"confirmed": false, "by": "ana"})");
  EXPECT_EQ(unconfirmed.status, 409);
  EXPECT_EQ(unconfirmed.code(), "confirmation_required");
  const Got confirmed = served_.post("/jobs/job/cancel", R"({"confirmed": true, "by": "ana"})");
  EXPECT_TRUE(confirmed.json.at("applied").get_bool()) << confirmed.text;
  EXPECT_EQ(served_.get("/jobs/job").json.at("state").get_string(), "cancelled");
  EXPECT_EQ(served_.post("/jobs/nobody/cancel", R"({"confirmed": true})").code(), "no_such_job");
}

TEST_P(Service_, TakesLocksAndRefusesWhatIsInTheWay) {
  const Got taken = served_.post("/jobs/job/locks", R"({"providerName": "Ollama", "stages": ["a", "b"]})");
  EXPECT_EQ(taken.status, 201);
  EXPECT_EQ(taken.json.at("state").get_string(), "active");
  EXPECT_EQ(served_.post("/jobs/job/locks", R"({"providerName": "OpenAI", "stages": ["b"]})").code(), "lock_conflict");
  EXPECT_EQ(served_.get("/jobs/job/locks").json.at("locks").get_array().size(), 1u);
  EXPECT_EQ(served_.get("/jobs/nobody/locks").code(), "no_such_job");
}

TEST_P(Service_, ARequestedSwitchMovesTheLockInOneStep) {
  served_.post("/jobs/job/locks", R"({"providerName": "Ollama", "correlationId": "corr"})");
  const std::string body = R"({"fromProvider": "Ollama", "toProvider": "OpenAI", "reasonCode": "USER_REQUEST", )"
                           R"("correlationId": "c2", "by": "ana", "userConfirmed": )";
  EXPECT_EQ(served_.post("/jobs/job/decisions", body + "false}").code(), "confirmation_required");
  const Got decided = served_.post("/jobs/job/decisions", body + "true}");
  EXPECT_EQ(decided.status, 201) << decided.text;
  EXPECT_EQ(decided.json.at("decidedBy").get_string(), "ana");
  EXPECT_EQ(decided.json.at("toProvider").get_string(), "OpenAI");
  const Got locks = served_.get("/jobs/job/locks");
  EXPECT_EQ(locks.json.at("locks").at(0).at("reason").get_string(), "USER_REQUEST");
  EXPECT_EQ(locks.json.at("locks").at(1).at("providerName").get_string(), "OpenAI");
  EXPECT_EQ(locks.json.at("locks").at(1).at("providerType").get_string(), "cloud_llm");
  EXPECT_EQ(served_.get("/jobs/job/decisions").json.at("decisions").at(0), decided.json);
  EXPECT_EQ(served_.get("/statistics").json.at("userRequestedFallbacks").get_int64(), 1);
  EXPECT_EQ(served_.get("/jobs/nobody/decisions").code(), "no_such_job");
}

TEST_P(Service_, ADecisionAfterAnErrorEndsTheOldLockAndTakesTheNewOne) {
  served_.post("/jobs/job/locks", R"({"providerName": "Ollama", "stages": ["script", "polish"]})");
  const Got decided = served_.post(
      "/jobs/job/decisions",
      R"({"fromProvider": "Ollama", "toProvider": "OpenAI", "reasonCode": "PROVIDER_FATAL_ERROR", "userConfirmed": )"
      R"(true, "affectedStages": ["polish"], "additionalContext": "HTTP 500", "elapsedBeforeSwitchMs": 4000})");
  EXPECT_EQ(decided.status, 201) << decided.text;
  EXPECT_EQ(decided.json.at("elapsedBeforeSwitchMs").get_int64(), 4000);
  EXPECT_TRUE(served_.gateway().validate_provider("job", "OpenAI", "polish").allowed);
  EXPECT_TRUE(served_.gateway().validate_provider("job", "Ollama", "script").allowed);
}

TEST_P(Service_, HistoryOfAnOtherSystemMovesNoLock) {
  const std::string body = R"({"fromProvider": "A", "toProvider": "B", "reasonCode": "LEGACY_AUTO", )"
                           R"("userConfirmed": false})";
  EXPECT_EQ(served_.post("/jobs/old/decisions", body).status, 201);
  served_.post("/jobs/job/locks", R"({"providerName": "A"})");
  EXPECT_EQ(served_.post("/jobs/job/decisions", body).code(), "confirmation_required");
  served_.post("/jobs/absolute/locks", R"({"providerName": "A", "overridable": false})");
  EXPECT_EQ(served_.post("/jobs/absolute/decisions", body).code(), "lock_not_overridable");
}

TEST_P(Service_, ShowsTheTrailInPagesAndChecksIt) {
  served_.post("/jobs", two_locks);
  const Got first = served_.get("/audit?job=job&limit=2");
  EXPECT_EQ(first.json.at("records").get_array().size(), 2u);
  EXPECT_EQ(first.json.at("next").get_string(), "2");
  const Got rest = served_.get("/audit?job=job&after=2");
  EXPECT_TRUE(rest.json.at("next").is_null());
  EXPECT_EQ(rest.json.at("records").at(0).at("previous"), first.json.at("records").at(1).at("hash"));
  EXPECT_TRUE(served_.get("/audit/verify?job=job").json.at("valid").get_bool());
  EXPECT_EQ(served_.get("/audit/verify").json.at("jobs").to_number<int>(), 1);
  EXPECT_EQ(served_.get("/audit?job=nobody").code(), "no_such_job");
  EXPECT_EQ(served_.get("/audit").code(), "invalid_argument");
  EXPECT_EQ(served_.get("/audit/verify?job=nobody").status, 404);
}

TEST_P(Service_, IdsMayHoldSlashesBlanksAndAnyLanguage) {
  const std::string id = "films/2026 ñandú 映画?%";
  const std::string path = "/jobs/" + net::percent_encode(id);
  const Got opened = served_.post(path + "/locks", R"({"providerName": "Ollama"})");
  EXPECT_EQ(opened.status, 201) << opened.text;
  EXPECT_EQ(served_.get(path).json.at("jobId").get_string(), id);
  EXPECT_EQ(served_.get("/audit?job=" + net::percent_encode(id)).json.at("records").at(0).at("jobId").get_string(), id);
  EXPECT_EQ(served_.get("/operations?job=" + net::percent_encode(id)).status, 200);
  EXPECT_TRUE(served_.ask("DELETE", path).json.at("released").get_bool());
}

TEST(Service, NamesTheProcessThatHoldsAJob) {
  GatewayOptions options = Served::with_providers();
  options.store = "sqlite:";
  options.program = "a test";
  options.socket = "/run/a.sock";
  Served served(options);
  served.post("/jobs", R"({"jobId": "job"})");
  const Got shown = served.get("/jobs/job");
  EXPECT_EQ(shown.json.at("owner").at("pid").to_number<int>(), ::getpid());
  EXPECT_EQ(shown.json.at("owner").at("program").get_string(), "a test");
  EXPECT_EQ(shown.json.at("owner").at("socket").get_string(), "/run/a.sock");
}

TEST(Service, TellsStatisticsProvidersProfilesAndHealth) {
  Served served;
  EXPECT_EQ(served.get("/health/live").json.at("status").get_string(), "live");
  EXPECT_EQ(served.get("/health/ready").json.at("status").get_string(), "ready");
  EXPECT_EQ(served.get("/statistics").json.at("totalJobs").get_int64(), 0);
  const Got providers = served.get("/providers");
  EXPECT_EQ(providers.json.at("providers").at(1).at("model").get_string(), "gpt");
  const Got profiles = served.get("/profiles?patience=longForm");
  EXPECT_EQ(profiles.json.at("profiles").at(0).at("patienceProfile").get_string(), "longForm");
  const Got ollama = served.get("/profiles/Ollama?patience=longForm");
  EXPECT_EQ(ollama.json.at("normalThresholdMs").get_int64(), 60000);
  EXPECT_EQ(served.get("/profiles/Ollama").json.at("patienceProfile").get_string(), "balanced");
  EXPECT_EQ(served.get("/profiles/Ollama?patience=none").code(), "invalid_argument");
}

TEST(Service, AsksItsHookWhoTheProvidersAre) {
  ServiceOptions options;
  options.providers = [] {
    return std::vector<api::ProviderView>{{.info = {.name = "Mine", .type = "image_gen"}, .protocol = "command"}};
  };
  options.patience = "conservative";
  Served served(Served::with_providers(), options);
  EXPECT_EQ(served.get("/providers").json.at("providers").at(0).at("protocol").get_string(), "command");
  EXPECT_EQ(served.get("/profiles/mine").json.at("providerType").get_string(), "image_gen");
  EXPECT_EQ(served.get("/profiles/mine").json.at("stallThresholdMs").get_int64(), 32000);
}

TEST(Service, AStoreThatFailsIsAProblemAndNotReady) {
  auto store = std::make_unique<ScriptedStore>();
  ScriptedStore& scripted = *store;
  Served served(std::move(store), {});
  scripted.mode = ScriptedStore::Mode::fails;
  const Got refused = served.post("/jobs/job/locks", R"({"providerName": "Ollama"})");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.code(), "store_unavailable");
  scripted.mode = ScriptedStore::Mode::works;
  EXPECT_EQ(served.post("/jobs/job/locks", R"({"providerName": "Ollama"})").status, 201);
}

TEST(Service, IsAliveButNotReadyWhileItsStoreCannotBeWritten) {
  class Unwritable final : public store::Memory {
    result<void> check_writable() override { return Failure{Errc::store_unavailable, "the disk is gone"}; }
  };
  Served served(std::make_unique<Unwritable>(), {});
  EXPECT_EQ(served.get("/health/live").status, 200);
  const Got ready = served.get("/health/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(ready.detail(), "the disk is gone");
}

TEST(Service, FinishesWhatItIsAnsweringWhenItStopsAndCutsWhatTakesTooLong) {
  for (const bool in_time : {true, false}) {
    std::promise<void> asked, go;
    ServiceOptions options;
    options.stop_grace = in_time ? 10'000ms : 0ms;
    options.providers = [&] {
      asked.set_value();
      go.get_future().get();
      return std::vector<api::ProviderView>();
    };
    Served served(Served::with_providers(), options);
    auto answer = std::async(std::launch::async, [&] {
      const auto got = net::fetch(served.endpoint(), {.target = "/holdfast/v1/providers"}, "", {.total_time = 20s});
      return got ? got->head.status : 0;
    });
    asked.get_future().get();
    auto stopping = std::async(std::launch::async, [&] { served.service().stop(); });
    if (in_time) {
      wait_for([&] { return !std::filesystem::exists(served.endpoint().path); });  // it accepts no more
      go.set_value();
      EXPECT_EQ(answer.get(), 200);
    } else {
      EXPECT_EQ(answer.get(), 0);
      go.set_value();
    }
    stopping.get();
  }
}

TEST(Service, NamesTheKeyThatIsWrong) {
  Served served;
  const auto detail = [&](const std::string& path, const std::string& body) {
    const Got got = served.post(path, body);
    EXPECT_EQ(got.status, 400) << got.text;
    EXPECT_EQ(got.code(), "invalid_argument");
    EXPECT_EQ(got.json.at("type").get_string(), "urn:holdfast:problem:invalid_argument");
    return got.detail();
  };
  EXPECT_THAT(detail("/jobs", "{"), HasSubstr("no JSON"));
  EXPECT_THAT(detail("/jobs", "[]"), HasSubstr("no object"));
  EXPECT_THAT(detail("/jobs", R"({"jobid": "x"})"), HasSubstr("'jobid' is not known"));
  EXPECT_THAT(detail("/jobs", R"({"jobId": "x", "jobId": "y"})"), HasSubstr("twice"));
  EXPECT_THAT(detail("/jobs", R"({"patienceProfile": "none"})"), HasSubstr("none"));
  EXPECT_THAT(detail("/jobs", R"({"locks": [{"stages": []}]})"), HasSubstr("'locks.providerName' is missing"));
  EXPECT_THAT(detail("/jobs", R"({"consents": ["whatever"]})"), HasSubstr("'consents'"));
  EXPECT_THAT(detail("/jobs/job/locks", R"({"providerName": 1})"), HasSubstr("'providerName' is no string"));
  EXPECT_THAT(detail("/jobs/job/cancel", R"({"confirmed": "yes"})"), HasSubstr("'confirmed'"));
  EXPECT_THAT(detail("/jobs/job/decisions", R"({"fromProvider": "A", "toProvider": "B", "reasonCode": "BORED",)"
                                            R"( "userConfirmed": true})"),
              HasSubstr("'reasonCode'"));
  EXPECT_THAT(detail("/operations/op-1/answer", R"({"option": "cancel_job"})"), HasSubstr("'ask' is missing"));
  EXPECT_TRUE(served.get("/jobs").json.at("jobs").get_array().empty());
}

TEST(Service, RefusesQueriesThatItDoesNotKnow) {
  Served served;
  EXPECT_THAT(served.get("/jobs?stat=active").detail(), HasSubstr("'stat' is not known"));
  EXPECT_THAT(served.get("/jobs?limit=1&limit=2").detail(), HasSubstr("'limit' is given twice"));
  EXPECT_THAT(served.get("/jobs?limit=0").detail(), HasSubstr("'limit'"));
  EXPECT_THAT(served.get("/jobs?state=over").detail(), HasSubstr("'state'"));
  EXPECT_THAT(served.get("/operations?state=over").detail(), HasSubstr("'state'"));
  EXPECT_EQ(served.get("/jobs?%zz").status, 400);
}

TEST(Service, TellsUnknownPathsFromWrongMethods) {
  Served served;
  EXPECT_EQ(served.get("!/nothing").status, 404);
  EXPECT_EQ(served.get("/nothing").status, 404);
  EXPECT_EQ(served.get("/jobs/").status, 404);
  EXPECT_EQ(served.get("!/holdfast/v2/jobs").status, 404);
  const Got wrong = served.ask("PUT", "/jobs");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.fields.find("Allow"), "GET, HEAD, POST, OPTIONS");
  const Got asked = served.ask("OPTIONS", "/jobs/job");
  EXPECT_EQ(asked.status, 204);
  EXPECT_EQ(asked.fields.find("Allow"), "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(served.ask("OPTIONS", "!*").status, 204);
  const Got head = served.ask("HEAD", "/jobs");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.text, "");
  EXPECT_EQ(served.ask("HEAD", "/events").fields.find("Content-Type"), "text/event-stream");
  EXPECT_EQ(served.ask("HEAD", "/jobs/nobody").status, 404);
}

TEST(Service, RefusesBodiesOfOtherTypesAndTooLargeOnes) {
  Served served;
  EXPECT_EQ(served.post("/jobs", "a=b", {{"Content-Type", "application/x-www-form-urlencoded"}}).status, 415);
  EXPECT_EQ(served.ask("POST", "/jobs").status, 415);
  EXPECT_EQ(served.post("/jobs", "{}", {{"Content-Type", "application/json; charset=utf-8"}}).status, 201);
  const Got large = served.post("/jobs", "{\"name\": \"" + std::string(body_bytes_max, 'x') + "\"}");
  EXPECT_EQ(large.status, 413);
  EXPECT_EQ(large.code(), "too_large");
}

TEST(Service, ListensOnASocketOfThisUserAloneAndTakesItAway) {
  std::optional<Served> served(std::in_place);
  const std::string path = served->endpoint().path;
  struct stat found{};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777u, 0600u);
  ServiceOptions second;
  second.endpoint.path = path;
  EXPECT_EQ(thrown([&] { Service taken(served->gateway(), second); }), Errc::invalid_argument);
  served->service().stop();
  EXPECT_FALSE(std::filesystem::exists(path));
  served->service().stop();
}

TEST(Service, AnswersManyAtOnce) {
  Served served;
  served.post("/jobs", R"({"jobId": "job"})");
  std::vector<std::future<int>> asked;
  for (int i = 0; i < 32; ++i) {
    asked.push_back(std::async(std::launch::async, [&served, i] {
      const std::string stage = "s" + std::to_string(i);
      return served.post("/jobs/job/locks", R"({"providerName": "P", "stages": [")" + stage + "\"]}").status;
    }));
  }
  for (auto& each : asked)
    EXPECT_EQ(each.get(), 201);
  EXPECT_EQ(served.get("/jobs/job/locks").json.at("locks").get_array().size(), 32u);
}

}  // namespace
}  // namespace holdfast::control
