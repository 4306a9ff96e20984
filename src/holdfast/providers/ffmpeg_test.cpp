#include <gmock/gmock.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "holdfast/providers/builtin.hpp"
#include "holdfast/providers/provider_bench.hpp"
#include "holdfast/providers/video_prompt.hpp"

namespace holdfast::providers {
namespace {

namespace fs = std::filesystem;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(VideoPrompt, AnImageAndASoundMakeAScene) {
  const auto prompt = read_video_prompt("\n image:  a b.png \r\naudio: /x/c.wav\n");
  ASSERT_TRUE(prompt);
  const auto& scene = std::get<ScenePrompt>(*prompt);
  EXPECT_EQ(scene.image, "a b.png");
  EXPECT_EQ(scene.audio, "/x/c.wav");
}

TEST(VideoPrompt, LinesOfFilesAreJoinedInTheirOrder) {
  const auto prompt = read_video_prompt("file 'b.mkv'\nfile '/it'\\''s/a.mkv'\n");
  ASSERT_TRUE(prompt);
  const auto& join = std::get<JoinPrompt>(*prompt);
  EXPECT_THAT(join.files, ElementsAre(fs::path("b.mkv"), fs::path("/it's/a.mkv")));
  EXPECT_THAT(concat_list(join), HasSubstr("file 'file:/it'\\''s/a.mkv'\n"));
}

TEST(VideoPrompt, WhatIsNeitherIsNamedByItsLine) {
  const std::array<std::pair<const char*, const char*>, 10> wrong = {{
      {"", "no files"},
      {"image: a\n", "names no audio"},
      {"audio: a\n", "names no image"},
      {"image: a\nimage: b\n", "line 2 of the prompt names a second image"},
      {"image: a\nmusic: b\n", "line 2 of the prompt, \"music: b\""},
      {"image:\naudio: a\n", "line 1"},
      {"file 'a\n", "line 1"},
      {"file 'a' b\n", "line 1"},
      {"file ''\n", "line 1"},
      {"image: a\naudio: b\nfile 'c'\n", "at once"},
  }};
  for (const auto& [text, expected] : wrong) {
    const auto prompt = read_video_prompt(text);
    ASSERT_FALSE(prompt) << text;
    EXPECT_EQ(prompt.error().code, Errc::invalid_argument);
    EXPECT_THAT(prompt.error().message, HasSubstr(expected));
  }
  std::string many;
  for (std::size_t i = 0; i <= joined_files_max; ++i)
    many += "file 'a'\n";
  EXPECT_EQ(read_video_prompt(many).error().code, Errc::too_large);
}

/// What a shell command prints.
std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  std::array<char, 512> buffer{};
  while (std::fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr)
    text += buffer.data();
  return text;
}

class FfmpegTest : public ProviderBench {
 protected:
  /// A tone of so many seconds, and a small picture.
  fs::path tone(const std::string& name, const std::string& seconds) {
    const fs::path path = folder / name;
    EXPECT_EQ(std::system(("ffmpeg -v error -y -f lavfi -i sine=frequency=440:sample_rate=22050:duration=" + seconds +
                           " '" + path.string() + "'")
                              .c_str()),
              0);
    return path;
  }
  fs::path picture() {
    const fs::path path = folder / "it's: a card.png";
    EXPECT_EQ(std::system(("ffmpeg -v error -y -f lavfi -i color=white:s=640x640 -frames:v 1 -update 1 \"file:" +
                           path.string() + "\"")
                              .c_str()),
              0);
    return path;
  }
  fs::path scene(const std::string& name, const fs::path& audio) {
    const StageCall call{.input = "image: " + picture().string() + "\naudio: " + audio.string(),
                         .output = folder / name};
    run(*ffmpeg, call);
    return call.output;
  }
  static std::string probe(const fs::path& media, const std::string& entries) {
    return output_of("ffprobe -v error -show_entries " + entries + " -of default=nw=1 '" + media.string() + "'");
  }
  static double seconds(const fs::path& media) {
    const std::string text = probe(media, "format=duration");
    return std::stod(text.substr(text.find('=') + 1));
  }

  std::unique_ptr<Provider> ffmpeg = ffmpeg_provider({.name = "FFmpeg", .type = "video_render"}, spawner);
};

TEST_F(FfmpegTest, ASceneLastsAsLongAsItsSoundAndABreath) {
  const fs::path clip = scene("scene.mkv", tone("a.wav", "1.5"));
  EXPECT_THAT(seconds(clip), DoubleNear(1.5 + 0.9, 0.07));
  const std::string streams = probe(clip, "stream=codec_name,width,height,pix_fmt,avg_frame_rate,sample_rate,channels");
  for (const char* each : {"codec_name=h264", "width=1920", "height=1080", "pix_fmt=yuv420p", "avg_frame_rate=25/1",
                           "codec_name=aac", "sample_rate=48000", "channels=2"}) {
    EXPECT_THAT(streams, HasSubstr(each));
  }
  EXPECT_EQ(progress().percent, 100.0);
}

TEST_F(FfmpegTest, JoinedScenesKeepAllOfTheirSoundInPlace) {
  const fs::path first = scene("one.mkv", tone("a.wav", "1")), second = scene("it's two.mkv", tone("b.wav", "2"));
  std::string quoted = second.string();
  quoted.replace(quoted.find('\''), 1, "'\\''");
  const StageCall call{.input = "file '" + first.string() + "'\nfile '" + quoted + "'", .output = folder / "film.mp4"};
  run(*ffmpeg, call);
  EXPECT_THAT(seconds(call.output), DoubleNear(1.92 + 2.92, 0.12));
  // Silence, a second of tone, silence, two seconds of tone, silence: nothing is cut off where they meet.
  const std::string silence = output_of("ffmpeg -nostdin -hide_banner -i '" + call.output.string() +
                                        "' -af silencedetect=noise=-40dB:d=0.2 -f null - 2>&1 | grep -o "
                                        "'silence_[se][tn][ad][a-z]*: [0-9.-]*'");
  std::vector<double> edges;
  for (std::size_t at = 0; (at = silence.find(": ", at)) != std::string::npos; at += 2) {
    edges.push_back(std::stod(silence.substr(at + 2)));
  }
  ASSERT_GE(edges.size(), 5u) << silence;
  EXPECT_THAT(edges[1], DoubleNear(0.3, 0.06));
  EXPECT_THAT(edges[2], DoubleNear(1.3, 0.06));
  EXPECT_THAT(edges[3], DoubleNear(1.92 + 0.3, 0.09));
  EXPECT_THAT(edges[4], DoubleNear(1.92 + 2.3, 0.09));
}

TEST_F(FfmpegTest, AFilmCanBePlayedBeforeItIsWhollyThere) {
  const fs::path clip = scene("one.mkv", tone("a.wav", "1"));
  const StageCall call{.input = "file '" + clip.string() + "'", .output = folder / "film.mp4"};
  run(*ffmpeg, call);
  const std::string film = content(call.output);
  EXPECT_LT(film.find("moov"), film.find("mdat"));
}

TEST_F(FfmpegTest, WhatIsNoMediaIsAHardErrorThatNamesIt) {
  std::ofstream(folder / "not.wav") << "text";
  const StageCall call{.input = "image: " + picture().string() + "\naudio: " + (folder / "not.wav").string(),
                       .output = folder / "scene.mkv"};
  EXPECT_THAT(fault_of(*ffmpeg, call).message, HasSubstr("not.wav"));
  StageCall missing = call;
  missing.input = "file '" + (folder / "gone.mkv").string() + "'";
  EXPECT_THAT(fault_of(*ffmpeg, missing).message, HasSubstr("gone.mkv"));
  missing.input = "nothing";
  EXPECT_THAT(fault_of(*ffmpeg, missing).message, HasSubstr("line 1"));
}

TEST_F(FfmpegTest, LeavesNothingButItsOutputAndItsInputs) {
  scene("scene.mkv", tone("a.wav", "0.5"));
  for (const auto& entry : fs::directory_iterator(folder))
    EXPECT_FALSE(entry.is_directory()) << entry.path();
}

TEST_F(FfmpegTest, HasNoProblemsWhereItsProgramsAre) {
  EXPECT_THAT(ffmpeg->problems(), IsEmpty());
  EXPECT_EQ(ffmpeg->protocol(), "command");
}

class EspeakTest : public FfmpegTest {
 protected:
  fs::path speak(const std::string& text, std::map<std::string, std::string> values = {}) {
    const StageCall call{.input = text, .output = folder / "speech.wav", .values = std::move(values)};
    run(*espeak, call);
    return call.output;
  }

  std::unique_ptr<Provider> espeak = espeak_provider({.name = "eSpeak", .type = "tts"}, spawner);
};

TEST_F(EspeakTest, SpeaksAtTheRateOfACalmReader) {
  std::string text;
  for (int i = 0; i < 8; ++i)
    text += "The quick brown fox jumps over the lazy dog. ";
  const double length = seconds(speak(text));  // 72 words: 27 seconds at 160 a minute
  EXPECT_GT(length, 18);
  EXPECT_LT(length, 36);
  EXPECT_THAT(probe(folder / "speech.wav", "stream=codec_name"), HasSubstr("pcm_s16le"));
  EXPECT_GT(progress().bytes.value_or(0), 0);
}

TEST_F(EspeakTest, ATextThatLooksLikeAnOptionIsSpoken) {
  EXPECT_GT(seconds(speak("--version is what it says; -w /etc/passwd too")), 1);
}

// It wrote a head and 8 ms of silence, and that was an artifact.
TEST_F(EspeakTest, ABlankPromptIsAHardError) {
  const StageCall call{.input = " \n", .output = folder / "speech.wav"};
  EXPECT_THAT(fault_of(*espeak, call).message, HasSubstr("nothing to read aloud"));
  EXPECT_FALSE(fs::exists(call.output));
}

TEST_F(EspeakTest, TheVoiceFollowsTheLanguage) {
  const std::string german =
      "Der Auftrag bleibt bei dem Anbieter, den der Nutzer gew\u00e4hlt hat, und das ist gut so.";
  const std::string told = content(speak(german, {{"language", "de"}}));
  EXPECT_EQ(content(speak(german)), told) << "the words tell the language";
  EXPECT_NE(content(speak(german, {{"language", "en"}})), told);
}

TEST_F(EspeakTest, WhatIsNoLanguageTagIsNotPassedOn) {
  const std::string english = content(speak("A short text.", {{"language", "en"}}));
  EXPECT_EQ(content(speak("A short text.", {{"language", "--help"}})), english);
  EXPECT_EQ(content(speak("A short text.", {{"language", "../x"}})), english);
}

TEST_F(EspeakTest, ALanguageThatEspeakDoesNotHaveIsAHardError) {
  const StageCall call{.input = "text", .output = folder / "speech.wav", .values = {{"language", "zz-none"}}};
  EXPECT_EQ(fault_of(*espeak, call).error_class, ErrorClass::command);
  EXPECT_THAT(espeak->problems(), IsEmpty());
  EXPECT_EQ(espeak->protocol(), "command");
}

}  // namespace
}  // namespace holdfast::providers
