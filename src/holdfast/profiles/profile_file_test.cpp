#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <random>

#include "holdfast/profiles/profile_file.hpp"

namespace holdfast {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

std::string failure(std::string_view text) {
  try {
    TimeoutProfiles::parse(text, "p.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::config) << text;
    return error.what();
  }
  ADD_FAILURE() << "accepted: " << text;
  return "";
}

std::string option_failure(const std::string& option) {
  return failure("{\"stallBehavior\": {\"userDialogOptions\": [\n" + option + "]}}");
}

std::vector<std::string> option_ids(const std::string& options) {
  std::vector<std::string> ids;
  const std::string text = "{\"stallBehavior\": {\"userDialogOptions\": [" + options + "]}}";
  for (const AnswerOption& option : TimeoutProfiles::parse(text, "p").stall_options())
    ids.push_back(option.id);
  return ids;
}

template <class Call>
std::string refusal(Call call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.errc(), Errc::invalid_argument);
    return error.what();
  }
  ADD_FAILURE() << "not refused";
  return "";
}

TEST(ProfileFile, ThePublishedFileIsReadUnchangedAndHoldsTheBuiltInNumbers) {
  const TimeoutProfiles published =
      TimeoutProfiles::load(HOLDFAST_SOURCE_DIR "/src/holdfast/profiles/testdata/published.json");
  const TimeoutProfiles built_in = TimeoutProfiles::defaults();
  EXPECT_TRUE(published.notices().empty());
  EXPECT_EQ(published.provider_types(), built_in.provider_types());
  EXPECT_EQ(published.mapped_providers(), built_in.mapped_providers());
  EXPECT_EQ(published.stall_options(), built_in.stall_options());
  EXPECT_EQ(published.sweep_interval(), built_in.sweep_interval());
  ASSERT_EQ(published.patience_profiles().size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const PatienceProfile of_file = published.patience_profiles()[i], own = built_in.patience_profiles()[i];
    EXPECT_EQ(of_file.name, own.name);
    EXPECT_EQ(of_file.label, own.label);
    for (const std::string& type : built_in.provider_types()) {
      EXPECT_EQ(to_json(published.for_provider("P", own.name, type)),
                to_json(built_in.for_provider("P", own.name, type)));
    }
  }
  for (const auto& [category, message] : built_in.messages()) {
    EXPECT_EQ(published.message(category).status_label, message.status_label);
    EXPECT_EQ(published.message(category).context_hint.empty(), message.context_hint.empty());
  }
}

TEST(ProfileFile, AProfileAsJsonHasTheKeysOfTheInterface) {
  EXPECT_EQ(to_json(TimeoutProfiles::defaults().for_provider("Ollama", "longForm")),
            R"({"providerName":"Ollama","providerType":"local_llm","patienceProfile":"longForm",)"
            R"("normalThresholdMs":60000,"extendedThresholdMs":360000,"deepWaitThresholdMs":600000,)"
            R"("heartbeatIntervalMs":15000,"stallThresholdMs":67500,"firstProgressThresholdMs":null})");
  const auto own = TimeoutProfiles::parse(R"({"profiles": {"tts": {"firstProgressThresholdMs": 99}}})", "p");
  EXPECT_THAT(to_json(own.for_provider("Pi\"per", "balanced", "tts")),
              testing::AllOf(HasSubstr(R"("Pi\"per")"), EndsWith(R"("firstProgressThresholdMs":99})")));
}

TEST(ProfileFile, ScaledNumbersAreTheRealProductRoundedOnce) {
  std::mt19937_64 random(20261123);
  const auto between = [&](int low, int high) { return std::uniform_int_distribution(low, high)(random); };
  int compared = 0;
  for (int i = 0; i < 20000; ++i) {
    profiles::TypeEntry type;
    type.normal_ms = between(1, 1000000);
    type.extended_ms = between(1, 10000000);
    type.deep_wait_ms = between(1, 100000000);
    type.heartbeat_ms = between(1, 600000);
    type.first_progress_ms = between(1, 10000000);
    type.suspicion = between(1, 100000) / 1000.0;
    PatienceProfile patience;
    patience.timeout_multiplier = between(1, 100000) / 1000.0;
    patience.stall_multiplier = between(1, 100000) / 1000.0;
    const TimeoutProfile made = profiles::scaled(type, patience);
    const auto same = [&](milliseconds rounded, long double exact) {
      // At a half the digits of a double decide; both neighbours are right there.
      if (std::fabs(exact - std::floor(exact) - 0.5L) < 1e-6L) return;
      ++compared;
      EXPECT_EQ(rounded.count(), std::llroundl(exact));
    };
    const long double timeout = patience.timeout_multiplier, stall = patience.stall_multiplier;
    same(made.normal_threshold, timeout * *type.normal_ms);
    same(made.extended_threshold, timeout * *type.extended_ms);
    same(made.deep_wait_threshold, timeout * *type.deep_wait_ms);
    same(*made.first_progress_threshold, stall * *type.first_progress_ms);
    same(made.stall_threshold(), static_cast<long double>(*type.heartbeat_ms) * *type.suspicion * stall);
  }
  EXPECT_GT(compared, 95000);
}

TEST(ProfileFile, AHalfRoundsUpAndAProductIsNotRoundedInBetween) {
  TimeoutProfile profile;
  profile.heartbeat_interval = 3ms;
  profile.stall_suspicion_multiplier = 0.5;  // 1.5, which would be 2
  profile.stall_multiplier = 3;
  EXPECT_EQ(profile.stall_threshold(), 5ms);  // 4.5
  EXPECT_EQ(profile.terms(1ms, 1.5, true, {}).stall, 5ms);
}

TEST(ProfileFile, TermsTellFirstProgressOnlyWhereThereAreHeartbeats) {
  const auto profile = TimeoutProfiles::parse(R"({"profiles": {"tts": {"firstProgressThresholdMs": 60000}}})", "p")
                           .for_provider("Piper", "longForm");
  EXPECT_EQ(profile.first_progress_threshold, 90s);
  EXPECT_EQ(profile.terms({}, {}, true, {}).first_progress, 90s);
  const Patience silent = profile.terms(1s, 2.0, false, {});
  EXPECT_EQ(silent.first_progress, std::nullopt);
  EXPECT_EQ(silent.stall, 720s);
  EXPECT_EQ(silent.normal, 90s);
  EXPECT_EQ(silent.extended, 360s);
  EXPECT_EQ(silent.deep_wait, 720s);
}

TEST(ProfileFile, AStrategysNumbersThatAllowNoSilenceOrAllOfItAreRefused) {
  const TimeoutProfile profile = TimeoutProfiles::defaults().for_provider("Ollama");
  const auto refused = [&](milliseconds interval, double multiplier) {
    return refusal([&] { profile.terms(interval, multiplier, true, {}); });
  };
  EXPECT_THAT(refused(0ms, 3), HasSubstr("both must be larger than 0"));
  EXPECT_THAT(refused(-1ms, -3), HasSubstr("a heartbeat interval of -1 ms"));
  refused(1s, 0);
  refused(1s, -1);
  refused(1ms, 0.4);
  refused(1s, std::numeric_limits<double>::quiet_NaN());
  refused(1s, std::numeric_limits<double>::infinity());
  refused(1s, 1e9);
  EXPECT_EQ(profile.terms(1ms, 0.5, true, {}).stall, 1ms);
  EXPECT_EQ(profile.terms(24h, 366, true, {}).stall, profiles::patience_max);
}

TEST(ProfileFile, AMappedNameReplacesTheBuiltInOneInAnyCaseAndTheFileComesFirst) {
  const auto own = TimeoutProfiles::parse(R"({"providerMapping": {"ollama": "tts", "Piper": "image_gen"}})", "p");
  EXPECT_EQ(own.type_of("Ollama"), "tts");
  EXPECT_EQ(own.mapped_providers().size(), 14u);
  EXPECT_THAT(own.mapped_providers()[0], Pair("ollama", "tts"));
  EXPECT_THAT(own.mapped_providers()[2], Pair("RuleBased", "fallback_provider"));
  // Both names contained are of five letters: the one that the file names wins over the built-in one.
  EXPECT_EQ(own.type_of("azure-piper"), "image_gen");
  EXPECT_EQ(TimeoutProfiles::defaults().type_of("azure-piper"), "cloud_llm");
}

TEST(ProfileFile, TwoSpellingsInOneFileAreToldApartExactly) {
  const auto own = TimeoutProfiles::parse(R"({"providerMapping": {"Box": "tts", "BOX": "image_gen"}})", "p");
  EXPECT_EQ(own.type_of("BOX"), "image_gen");
  EXPECT_EQ(own.type_of("Box"), "tts");
  EXPECT_EQ(own.type_of("box"), "tts");
}

TEST(ProfileFile, AGuessedTypeComesWithANoticeThatIsSafeToShow) {
  const TimeoutProfile profile = TimeoutProfiles::defaults().for_provider("Un\x1bheard");
  EXPECT_EQ(profile.provider_type, "local_llm");
  EXPECT_EQ(profile.notice, "provider Un\\u001bheard is in no mapping; it is treated as local_llm");
  EXPECT_EQ(TimeoutProfiles::defaults().for_provider("Unheard", "balanced", "tts").notice, "");
}

TEST(ProfileFile, RefusalsNameWhatThereIs) {
  const TimeoutProfiles own = TimeoutProfiles::defaults();
  EXPECT_EQ(refusal([&] { own.for_provider("Ollama", "heroic"); }),
            "there is no patience profile 'heroic'; there is conservative, balanced, longForm");
  EXPECT_EQ(
      refusal([&] { own.for_provider("Ollama", "balanced", "quantum"); }),
      "provider type 'quantum' has no timeout profile; there is local_llm, cloud_llm, tts, image_gen, video_render, "
      "fallback_provider, or add it to the profiles file");
}

TEST(ProfileFile, WaitingIsOfferedBehindTheLastExtension) {
  const std::string extend = R"({"id": "more", "label": "More", "action": "extend", "extensionMs": 1})";
  const std::string cancel = R"({"id": "stop", "label": "Stop", "action": "cancel", "offerPartialArtifacts": true})";
  const std::string wait = R"({"id": "Wait_Until_Done", "label": "Wait", "action": "wait"})";
  EXPECT_THAT(option_ids(cancel + "," + extend), ElementsAre("stop", "more", "wait_until_done"));
  EXPECT_THAT(option_ids(cancel), ElementsAre("wait_until_done", "stop"));
  EXPECT_THAT(option_ids(cancel + "," + wait), ElementsAre("stop", "wait_until_done"));
  const auto built_in = TimeoutProfiles::defaults().stall_options();
  EXPECT_EQ(built_in[1].extension, 300s);
  EXPECT_EQ(built_in[2].label, "Wait until it finishes, don't ask again");
  EXPECT_EQ(built_in[2].action, AnswerAction::wait);
  EXPECT_FALSE(built_in[2].requires_confirmation);
  EXPECT_TRUE(built_in[3].requires_confirmation && built_in[4].requires_confirmation);
  EXPECT_TRUE(built_in[4].offer_partial_artifacts);
}

TEST(ProfileFile, OptionsThatCannotMeanWhatTheySayAreRefused) {
  EXPECT_EQ(
      option_failure("{\"id\": \"wait_until_done\", \"label\": \"W\",\n\"action\": \"cancel\"}"),
      "p.json:3: stallBehavior.userDialogOptions[0].action: must be wait: that is what the id wait_until_done means");
  EXPECT_THAT(option_failure(R"({"id": "a", "label": "A", "action": "cancel"},)"
                             "\n"
                             R"({"id": "A", "label": "B", "action": "cancel"})"),
              StartsWith("p.json:3: stallBehavior.userDialogOptions[1].id: 'A' is there twice"));
  EXPECT_THAT(option_failure(R"({"id": "a", "label": "A", "action": "extend", "extensionMs": 0})"),
              StartsWith("p.json:2: stallBehavior.userDialogOptions[0].extensionMs: must be larger than 0"));
  EXPECT_THAT(option_failure(R"({"id": "a", "label": "A\u001b", "action": "cancel"})"), HasSubstr("control character"));
  std::string many;
  for (int i = 0; i < 17; ++i)
    many += R"({"id": "o)" + std::to_string(i) + R"(", "label": "A", "action": "cancel"},)";
  EXPECT_THAT(option_failure(many), HasSubstr("at most 16"));
  EXPECT_THAT(failure(R"({"stallBehavior": {"userDialogOptions": {}}})"), HasSubstr("must be a list of options"));
}

TEST(ProfileFile, AThresholdThatDoesNotRiseIsNamedAtTheKeyOfTheFile) {
  EXPECT_EQ(failure("{\"profiles\": {\"tts\": {\n\"normalThresholdMs\": 200000\n}}}"),
            "p.json:2: profiles.tts.normalThresholdMs: must be smaller than extendedThresholdMs, which is built in as "
            "180000, not 200000");
  EXPECT_EQ(
      failure("{\"profiles\": {\"tts\": {\n\"normalThresholdMs\": 50000,\n\"extendedThresholdMs\": 50000}}}"),
      "p.json:3: profiles.tts.extendedThresholdMs: must be larger than the threshold before it: normalThresholdMs "
      "is 50000, and this is 50000");
}

TEST(ProfileFile, NumbersThatComeToNothingUnderAPatienceAreRefused) {
  EXPECT_THAT(
      failure("{\"patienceProfiles\": {\n\"balanced\": {\n\"timeoutMultiplier\": 1e-9}}}"),
      StartsWith("p.json:3: patienceProfiles.balanced.timeoutMultiplier: under the patience profile balanced the "
                 "thresholds of local_llm would be 0, 0 and 0 ms"));
  EXPECT_THAT(failure("{\"patienceProfiles\": {\"balanced\": {\n\"stallMultiplier\": 1e-300}}}"),
              StartsWith("p.json:2: patienceProfiles.balanced.stallMultiplier: under the patience profile balanced the "
                         "stall threshold of local_llm would be 0 ms"));
  EXPECT_THAT(failure("{\"profiles\": {\"tts\": {\"heartbeatIntervalMs\": 1,\n\"stallSuspicionMultiplier\": 0.1}}}"),
              StartsWith("p.json:2: profiles.tts.stallSuspicionMultiplier: under the patience profile conservative"));
  EXPECT_THAT(
      failure(R"({"profiles": {"tts": {"firstProgressThresholdMs": 31622400000}}})"),
      StartsWith("p.json:1: profiles.tts.firstProgressThresholdMs: under the patience profile longForm the silence "
                 "allowed to tts"));
}

TEST(ProfileFile, NumbersThatWouldNotFitTheClockAreRefused) {
  EXPECT_THAT(failure("{\"profiles\": {\"tts\": {\n\"deepWaitThresholdMs\": 31622400000}}}"),
              StartsWith("p.json:2: profiles.tts.deepWaitThresholdMs: under the patience profile longForm"));
  EXPECT_THAT(failure(R"({"profiles": {"tts": {"deepWaitThresholdMs": 31622400001}}})"),
              HasSubstr("is too large; at most 31622400000 is allowed"));
  EXPECT_THAT(failure(R"({"profiles": {"tts": {"stallSuspicionMultiplier": 1000.5}}})"), HasSubstr("at most 1000"));
  EXPECT_THAT(failure("{\"profiles\": {\"tts\": {\n\"normalThresholdMs\": 1e999}}}"),
              StartsWith("p.json:2: profiles.tts.normalThresholdMs: the number 1e999"));
}

TEST(ProfileFile, AnUnknownKeyIsAnsweredWithTheNearestOneOrAll) {
  EXPECT_THAT(
      failure("{\"stallBehavior\": {\n\"checkIntervallMs\": 5}}"),
      EndsWith("p.json:2: stallBehavior.checkIntervallMs: no such key is known; did you mean 'checkIntervalMs'?"));
  EXPECT_THAT(failure(R"({"uiMessaging": {"xyzzy": {}}})"),
              EndsWith("no such key is known; there is normal, extended, deepWait, stallSuspected, error"));
  const std::string hostile = failure("{\"\\u001b]0;x" + std::string(100000, 'y') + "\": 1}");
  EXPECT_LT(hostile.size(), 400u);
  EXPECT_EQ(hostile.find('\x1b'), std::string::npos);
}

TEST(ProfileFile, WhatIsShownHasNoControlCharactersAndWhatIsIgnoredMayBeNull) {
  EXPECT_THAT(failure("{\"uiMessaging\": {\"normal\": {\n\"contextHint\": \"a\\u001b[2J\"}}}"),
              StartsWith("p.json:2: uiMessaging.normal.contextHint: must be one line"));
  EXPECT_THAT(failure(R"({"uiMessaging": {"normal": {"contextHint": "a\u009b"}}})"), HasSubstr("must be one line"));
  EXPECT_THAT(failure(R"({"uiMessaging": {"normal": {"statusLabel": " "}}})"), HasSubstr("statusLabel: is blank"));
  EXPECT_THAT(failure(R"({"patienceProfiles": {"balanced": {"label": "a\nb"}}})"),
              HasSubstr("label: must be one line"));
  EXPECT_THAT(failure(R"({"uiMessaging": {"normal": {"helpLink": 5}}})"), HasSubstr("helpLink: must be a text"));
  const auto own = TimeoutProfiles::parse(
      R"({"uiMessaging": {"error": {"helpLink": null, "contextHint": null}}, "patienceProfiles": {"balanced":
          {"description": "two\nlines"}}, "profiles": {"tts": {"description": "x"}}})",
      "p");
  EXPECT_EQ(own.message(LatencyCategory::Error).context_hint, "");
  EXPECT_EQ(own.message(LatencyCategory::Error).status_label, "Error • Provider Failed");
}

TEST(ProfileFile, AHintNamesProviderAndTypeAndLeavesTheirOwnBracesAlone) {
  const CategoryMessage message{.status_label = "x", .context_hint = "{providerName}: {providerType}, {other} {"};
  EXPECT_EQ(message.hint_for("{providerType}", "tts"), "{providerType}: tts, {other} {");
}

TEST(ProfileFile, TooManyEntriesAreRefused) {
  std::string types = "{\"profiles\": {", patience = "{\"patienceProfiles\": {", mapping = "{\"providerMapping\": {";
  for (int i = 0; i < 1025; ++i) {
    const std::string name = "\"n" + std::to_string(i) + "\": ";
    if (i < 257) {
      types += name + R"({"normalThresholdMs": 10, "extendedThresholdMs": 20, "deepWaitThresholdMs": 30,)"
                      R"( "heartbeatIntervalMs": 10, "stallSuspicionMultiplier": 2},)";
      patience += name + R"({"timeoutMultiplier": 1, "stallMultiplier": 1},)";
    }
    mapping += name + "\"tts\",";
  }
  EXPECT_THAT(failure(types + "}}"), HasSubstr("profiles.n250: is one type too many; 256 are allowed"));
  EXPECT_THAT(failure(patience + "}}"), HasSubstr("patienceProfiles.n61: is one patience profile too many; 64"));
  EXPECT_THAT(failure(mapping + "}}"), HasSubstr("must name at most 1024 providers"));
}

TEST(ProfileFile, ACopyKeepsWhatItHadAndAFileWithoutAnythingChangesNothing) {
  TimeoutProfiles profiles = TimeoutProfiles::parse(R"({"providerMapping": {"Mine": "tts"}})", "p");
  const TimeoutProfiles copy = profiles;
  profiles = TimeoutProfiles::parse("{}", "p");
  EXPECT_EQ(copy.type_of("Mine"), "tts");
  EXPECT_EQ(profiles.mapped_providers(), TimeoutProfiles::defaults().mapped_providers());
  EXPECT_EQ(TimeoutProfiles::parse(R"({"stallBehavior": {"checkIntervalMs": 1}})", "p").sweep_interval(), 1ms);
  EXPECT_EQ(TimeoutProfiles::parse(R"({"stallBehavior": {"checkIntervalMs": 251}})", "p").sweep_interval(), 250ms);
}

TEST(ProfileFile, AFileThatIsTooLargeIsNotReadWhole) {
  const std::filesystem::path path = std::filesystem::path(testing::TempDir()) / "large_profiles.json";
  std::ofstream(path) << "{}" << std::string(2 << 20, ' ');
  try {
    TimeoutProfiles::load(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), path.string() + ":1: this is too large; the limit is 1048576 bytes");
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace holdfast
