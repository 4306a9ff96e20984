#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>

#include "holdfast/profiles/timeout_profiles.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

std::string failure(std::string_view text) {
  try {
    TimeoutProfiles::parse(text, "p.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::config);
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return "";
}

TEST(Profiles, BuiltInNumbersAreThoseOfTheField) {
  const TimeoutProfiles profiles = TimeoutProfiles::defaults();
  struct Row {
    const char* type;
    milliseconds normal, extended, deep, interval, stall;
  };
  for (const Row& row :
       {Row{"local_llm", 30s, 180s, 300s, 15s, 45s}, Row{"cloud_llm", 15s, 60s, 120s, 5s, 20s},
        Row{"tts", 45s, 180s, 360s, 10s, 30s}, Row{"image_gen", 60s, 240s, 480s, 20s, 40s},
        Row{"video_render", 120s, 600s, 1800s, 30s, 60s}, Row{"fallback_provider", 5s, 15s, 30s, 2s, 10s}}) {
    const TimeoutProfile profile = profiles.for_provider("any", "balanced", row.type);
    EXPECT_EQ(profile.normal_threshold, row.normal) << row.type;
    EXPECT_EQ(profile.extended_threshold, row.extended) << row.type;
    EXPECT_EQ(profile.deep_wait_threshold, row.deep) << row.type;
    EXPECT_EQ(profile.heartbeat_interval, row.interval) << row.type;
    EXPECT_EQ(profile.stall_threshold(), row.stall) << row.type;
  }
  EXPECT_EQ(profiles.provider_types().size(), 6u);
  EXPECT_EQ(profiles.mapped_providers().size(), 14u);
  EXPECT_EQ(profiles.patience_profiles().size(), 3u);
  EXPECT_EQ(profiles.sweep_interval(), 250ms);
}

TEST(Profiles, TheSeedsExampleTwelve) {
  const TimeoutProfiles profiles = TimeoutProfiles::defaults();
  EXPECT_EQ(profiles.for_provider("Ollama", "conservative").extended_threshold, 126s);
  EXPECT_EQ(profiles.for_provider("Ollama", "longForm").extended_threshold, 360s);
  EXPECT_EQ(profiles.for_provider("Ollama", "longForm").stall_threshold(), 67500ms);
}

TEST(Profiles, AStallMultiplierOf1Point6IsNotTruncatedToOne) {
  EXPECT_EQ(TimeoutProfiles::defaults().for_provider("StableDiffusion", "conservative").stall_threshold(), 32s);
}

TEST(Profiles, ThresholdsAreRoundedOnceAtTheEnd) {
  std::mt19937 random(7);
  for (int i = 0; i < 500; ++i) {
    const int interval = std::uniform_int_distribution(1, 100000)(random);
    const double suspicion = std::uniform_int_distribution(1, 999)(random) / 100.0;
    const double patience = std::uniform_int_distribution(1, 999)(random) / 100.0;
    TimeoutProfile profile;
    profile.heartbeat_interval = milliseconds(interval);
    profile.stall_suspicion_multiplier = suspicion;
    profile.stall_multiplier = patience;
    const long double exact = static_cast<long double>(interval) * suspicion * patience;
    EXPECT_LE(std::fabs(static_cast<long double>(profile.stall_threshold().count()) - exact), 0.5001L);
  }
}

TEST(Profiles, ANameIsMappedExactlyThenByCaseThenByWhatItContains) {
  const TimeoutProfiles profiles = TimeoutProfiles::defaults();
  EXPECT_EQ(profiles.type_of("FFmpeg"), "video_render");
  EXPECT_EQ(profiles.type_of("ollama"), "local_llm");
  EXPECT_EQ(profiles.type_of("my-ollama-box"), "local_llm");
  EXPECT_EQ(profiles.type_of("AzureOpenAI"), "cloud_llm");
  EXPECT_EQ(profiles.type_of("Unheard"), "local_llm");
  EXPECT_THAT(profiles.for_provider("Unheard").notice, HasSubstr("Unheard is in no mapping"));
  EXPECT_EQ(profiles.for_provider("my-ollama-box").notice, "");

  const TimeoutProfiles own = TimeoutProfiles::parse(
      R"({"providerMapping": {"box": "tts", "ollama-box": "image_gen", "Box2": "video_render"}})", "p");
  EXPECT_EQ(own.type_of("my-ollama-box"), "image_gen");
  EXPECT_EQ(own.type_of("BOX"), "tts");
  EXPECT_EQ(own.type_of("xbox2"), "video_render");
}

TEST(Profiles, UnknownPatienceAndTypeAreRefusedNamingThoseThereAre) {
  const TimeoutProfiles profiles = TimeoutProfiles::defaults();
  EXPECT_THROW(profiles.for_provider("Ollama", "heroic"), Error);
  try {
    profiles.for_provider("Ollama", "balanced", "quantum");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::invalid_argument);
    EXPECT_THAT(error.what(), HasSubstr("local_llm, cloud_llm"));
  }
}

TEST(Profiles, AFileIsLaidOverTheBuiltInEntries) {
  const TimeoutProfiles profiles = TimeoutProfiles::parse(R"(// mine
{
  "profiles": {
    "local_llm": {"heartbeatIntervalMs": 20000, "firstProgressThresholdMs": 240000},
    "music": {"normalThresholdMs": 1, "extendedThresholdMs": 2, "deepWaitThresholdMs": 3,
              "heartbeatIntervalMs": 4, "stallSuspicionMultiplier": 1.5, "description": "x"},
  },
  "patienceProfiles": {"heroic": {"timeoutMultiplier": 10, "stallMultiplier": 2, "recommendedFor": ["tts"]},
                       "balanced": {"label": "Plain"}},
  "stallBehavior": {"checkIntervalMs": 100},
  "providerMapping": {"Suno": "music", "Ollama": "cloud_llm"},
  "uiMessaging": {"normal": {"statusLabel": "Busy", "contextHint": "hi {providerName}/{providerType}", "iconColor": "#fff",
                             "showFallbackButton": false}},
})",
                                                          "p.json");
  EXPECT_EQ(profiles.for_provider("x", "balanced", "local_llm").normal_threshold, 30s);
  EXPECT_EQ(profiles.for_provider("x", "heroic", "local_llm").stall_threshold(), 120s);
  EXPECT_EQ(profiles.for_provider("x", "heroic", "local_llm").first_progress_threshold, 480s);
  EXPECT_EQ(profiles.for_provider("Suno").deep_wait_threshold, 3ms);
  EXPECT_EQ(profiles.type_of("Ollama"), "cloud_llm");
  EXPECT_EQ(profiles.type_of("OpenAI"), "cloud_llm");
  EXPECT_EQ(profiles.sweep_interval(), 100ms);
  EXPECT_EQ(profiles.patience_profiles()[1].label, "Plain");
  const CategoryMessage message = profiles.message(LatencyCategory::Normal);
  EXPECT_EQ(message.status_label, "Busy");
  EXPECT_EQ(message.hint_for("A", "b"), "hi A/b");
  EXPECT_EQ(profiles.message(LatencyCategory::DeepWait).status_label, "Deep Wait • Long-Form Processing");
}

TEST(Profiles, TermsTakeTheStrategysNumbersWhereGiven) {
  const TimeoutProfiles profiles = TimeoutProfiles::defaults();
  const TimeoutProfile profile = profiles.for_provider("Ollama", "longForm");
  EXPECT_EQ(profile.terms({}, {}, true, {}).stall, 67500ms);
  EXPECT_EQ(profile.terms(10s, {}, true, {}).stall, 45s);
  EXPECT_EQ(profile.terms(10s, 2.0, true, {}).stall, 30s);
  EXPECT_EQ(profile.terms({}, {}, false, {}).stall, profile.deep_wait_threshold);
  EXPECT_EQ(profile.terms({}, {}, true, profiles.stall_options()).stall_options.size(), 5u);
}

TEST(Profiles, TheOptionsAreTheSeedsAndWaitingUntilItFinishes) {
  std::vector<std::string> ids;
  for (const AnswerOption& option : TimeoutProfiles::defaults().stall_options())
    ids.push_back(option.id);
  EXPECT_THAT(ids,
              testing::ElementsAre("continue_30s", "continue_5m", "wait_until_done", "try_alternative", "cancel_job"));
  const auto own =
      TimeoutProfiles::parse(
          R"({"stallBehavior": {"userDialogOptions": [{"id": "wait_until_done", "label": "W", "action": "wait"},
          {"id": "stop", "label": "Stop", "action": "cancel"}]}})",
          "p")
          .stall_options();
  ASSERT_EQ(own.size(), 2u);
  EXPECT_TRUE(own[1].requires_confirmation);
}

TEST(Profiles, EveryMistakeIsNamedWithFileLineAndKey) {
  EXPECT_THAT(failure("[]"), HasSubstr("p.json:1: document: must be an object"));
  EXPECT_THAT(failure("{\n\"profile\": {}}"),
              HasSubstr("p.json:2: profile: no such key is known; did you mean 'profiles'?"));
  EXPECT_THAT(
      failure("{\"profiles\": {\n\"tts\": {\"normalThresholdMS\": 5}}}"),
      HasSubstr("p.json:2: profiles.tts.normalThresholdMS: no such key is known; did you mean 'normalThresholdMs'?"));
  EXPECT_THAT(failure("{\"profiles\": {\"tts\": {\n\"normalThresholdMs\": 0}}}"),
              HasSubstr("p.json:2: profiles.tts.normalThresholdMs: must be larger than 0"));
  EXPECT_THAT(failure(R"({"profiles": {"tts": {"normalThresholdMs": -5}}})"), HasSubstr("must be larger than 0"));
  EXPECT_THAT(failure(R"({"profiles": {"tts": {"normalThresholdMs": 1e999}}})"), HasSubstr("p.json:1"));
  EXPECT_THAT(failure(R"({"profiles": {"tts": {"normalThresholdMs": 1e15}}})"), HasSubstr("is too large"));
  EXPECT_THAT(failure(R"({"profiles": {"tts": {"normalThresholdMs": 1.5}}})"), HasSubstr("whole number"));
  EXPECT_THAT(failure(R"({"profiles": {"tts": {"normalThresholdMs": "5"}}})"),
              HasSubstr("must be a number, not a string"));
  EXPECT_THAT(failure("{\"profiles\": {\"tts\": {\n\"extendedThresholdMs\": 45000}}}"),
              HasSubstr("p.json:2: profiles.tts.extendedThresholdMs: must be larger than the threshold before it"));
  EXPECT_THAT(failure(R"({"profiles": {"tts": {"deepWaitThresholdMs": 5}}})"),
              HasSubstr("deepWaitThresholdMs: must be larger"));
  EXPECT_THAT(failure(R"({"profiles": {"new": {"normalThresholdMs": 5}}})"),
              HasSubstr("profiles.new.extendedThresholdMs: is missing"));
  EXPECT_THAT(failure(R"({"profiles": {"": {}}})"), HasSubstr("the type's name is empty"));
  EXPECT_THAT(failure(R"({"profiles": 5})"), HasSubstr("must be an object, not a number"));
  EXPECT_THAT(failure("{\"providerMapping\": {\n\"X\": \"nope\"}}"),
              HasSubstr("p.json:2: providerMapping.X: there is no provider type 'nope'; there is local_llm"));
  EXPECT_THAT(failure(R"({"providerMapping": {" ": "tts"}})"), HasSubstr("is blank"));
  EXPECT_THAT(failure(R"({"patienceProfiles": {"x": {"timeoutMultiplier": 1}}})"),
              HasSubstr("stallMultiplier: is missing"));
  EXPECT_THAT(failure(R"({"patienceProfiles": {"": {}}})"), HasSubstr("is empty"));
  EXPECT_THAT(failure(R"({"patienceProfiles": {"balanced": {"stallMultiplier": 0}}})"), HasSubstr("larger than 0"));
  EXPECT_THAT(failure(R"({"patienceProfiles": {"balanced": {"recommendedFor": 5}}})"),
              HasSubstr("list of provider types"));
  EXPECT_THAT(failure(R"({"uiMessaging": {"deep": {}}})"), HasSubstr("did you mean 'deepWait'?"));
  EXPECT_THAT(failure(R"({"uiMessaging": {"normal": {"showFallbackButton": 1}}})"), HasSubstr("must be true or false"));
  EXPECT_THAT(failure(R"({"title": 5})"), HasSubstr("must be a text in quotes"));
  const auto option = [](const std::string& text) {
    return failure("{\"stallBehavior\": {\"userDialogOptions\": [" + text + "]}}");
  };
  EXPECT_THAT(option(""), HasSubstr("list of options that is not empty"));
  EXPECT_THAT(option("5"), HasSubstr("must be an object with id, label and action"));
  EXPECT_THAT(option(R"({"id": "a", "label": "A"})"), HasSubstr("userDialogOptions[0].action: is missing"));
  EXPECT_THAT(option(R"({"id": "", "label": "A", "action": "cancel"})"), HasSubstr("[0].id: is empty"));
  EXPECT_THAT(option(R"({"id": "a", "label": "A", "action": "dance"})"),
              HasSubstr("must be extend, wait, fallback or cancel"));
  EXPECT_THAT(option(R"({"id": "a", "label": "A", "action": "extend"})"), HasSubstr("extensionMs: is missing"));
  EXPECT_THAT(option(R"({"id": "a", "label": "A", "action": "wait", "extensionMs": 5})"),
              HasSubstr("action extend only"));
  EXPECT_THAT(option(R"({"id": "a", "label": "A", "action": "cancel", "requiresConfirmation": false})"),
              HasSubstr("always confirmed"));
  EXPECT_THAT(option(R"({"id": "a", "label": "A", "action": "wait"}, {"id": "a", "label": "B", "action": "wait"})"),
              HasSubstr("[1].id: 'a' is there twice"));
}

TEST(Profiles, AMissingFileGivesTheDefaultsAndANotice) {
  const TimeoutProfiles profiles = TimeoutProfiles::load("/nowhere/profiles.json");
  ASSERT_EQ(profiles.notices().size(), 1u);
  EXPECT_THAT(profiles.notices()[0], HasSubstr("/nowhere/profiles.json does not exist"));
  EXPECT_EQ(profiles.for_provider("Ollama").normal_threshold, 30s);
}

TEST(Profiles, AFileIsReadFromDisk) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "profiles.json";
  std::ofstream(path) << R"({"providerMapping": {"Mine": "tts"}})";
  EXPECT_EQ(TimeoutProfiles::load(path).type_of("Mine"), "tts");
  std::ofstream(path) << "{";
  EXPECT_THROW(TimeoutProfiles::load(path), Error);
  EXPECT_THROW(TimeoutProfiles::load(testing::TempDir()), Error);
}

}  // namespace
}  // namespace holdfast
