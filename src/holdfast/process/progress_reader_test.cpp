#include "holdfast/process/progress_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "holdfast/base/name.hpp"
#include "holdfast/process/plain_text.hpp"

namespace holdfast::process {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Optional;

ProgressReader reader(std::string_view kind, const ProgressReader::Options& options = {}) {
  return ProgressReader(parse_progress_kind(kind).value(), options);
}

/// Feeds `text` whole, byte by byte, and cut in two at every place: what is known at the end is the same.
ChildProgress fed(const std::function<ProgressReader()>& make, std::string_view text, Stream from = Stream::out) {
  ProgressReader whole = make();
  ChildProgress expected = whole.feed(text, from);
  expected.alive_only = false;
  const auto known = [](ChildProgress progress) {
    progress.alive_only = false;  // about the last bytes only
    return progress;
  };
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    ProgressReader halves = make();
    halves.feed(text.substr(0, cut), from);
    EXPECT_EQ(known(halves.feed(text.substr(cut), from)), expected) << "cut at byte " << cut;
  }
  ProgressReader bytes = make();
  ChildProgress last;
  for (const char& each : text)
    last = bytes.feed({&each, 1}, from);
  EXPECT_EQ(known(last), expected) << "byte by byte";
  return expected;
}

constexpr std::string_view ffmpeg_blocks =
    "frame=0\nfps=0.00\nbitrate=N/A\ntotal_size=N/A\nout_time_us=N/A\nout_time_ms=N/A\nspeed=N/A\nprogress=continue\n"
    "frame=48\nfps=24.0\nstream_0_0_q=28.0\nbitrate= 419.5kbits/s\ntotal_size=104000\nout_time_us=2000000\n"
    "out_time_ms=2000000\nout_time=00:00:02.000000\ndup_frames=0\ndrop_frames=0\nspeed=   2x\nprogress=continue\n"
    "frame=96\nfps=24.0\ntotal_size=210048\nout_time_us=4000000\nout_time_ms=4000000\nspeed=1.6x\nprogress=continue\n";

TEST(ProgressKind, KnowsItsFourNames) {
  using What = ProgressKind::What;
  EXPECT_EQ(parse_progress_kind("output-bytes")->what, What::output_bytes);
  EXPECT_EQ(parse_progress_kind("")->what, What::output_bytes);
  EXPECT_EQ(parse_progress_kind("lines")->what, What::lines);
  EXPECT_EQ(parse_progress_kind("ffmpeg")->what, What::ffmpeg);
  EXPECT_EQ(parse_progress_kind("percent-regex:([0-9]+)%")->what, What::percent_regex);
}

TEST(ProgressKind, SaysWhatIsWrongAndWhatWouldBeRight) {
  const auto problem = [](const std::string& text) {
    const auto kind = parse_progress_kind(text);
    EXPECT_EQ(kind ? Errc::ok : kind.error().code, Errc::config) << text;
    return kind ? std::string() : kind.error().message;
  };
  EXPECT_EQ(problem("line\x1b[2J"),
            "progress is 'line'; it must be output-bytes, lines, ffmpeg or percent-regex:PATTERN");
  EXPECT_THAT(problem("percent-regex:"), HasSubstr("needs a pattern behind the colon"));
  EXPECT_THAT(problem("percent-regex:[0-9]+%"), HasSubstr("needs one group around the number"));
  EXPECT_THAT(problem("percent-regex:([0-9"), HasSubstr("'([0-9', which is no regular expression: "));
  EXPECT_THAT(problem("percent-regex:([0-9]+)\\1"), HasSubstr("back-reference"));
  EXPECT_THAT(problem("percent-regex:(" + std::string(300, 'x') + ")"), HasSubstr("302 bytes; 256 are allowed"));
}

TEST(ByteReader, CountsStdoutAndTakesStderrAsASignOfLife) {
  ProgressReader read = reader("output-bytes");
  EXPECT_EQ(read.feed("warning\n", Stream::err), (ChildProgress{.bytes = 0, .alive_only = true}));
  EXPECT_EQ(read.feed("12345"), (ChildProgress{.bytes = 5}));
  EXPECT_EQ(read.feed("678"), (ChildProgress{.bytes = 8}));
  EXPECT_EQ(read.file_size(100), std::nullopt);
  EXPECT_EQ(fed([] { return reader("output-bytes"); }, "some bytes\n").bytes, 11);
}

TEST(ByteReader, AddsUpTheGrowthOfTheWatchedFileWhateverWasThereBefore) {
  ProgressReader read = reader("output-bytes", {.watches_file = true});
  EXPECT_EQ(read.file_size(1000), std::nullopt) << "what an earlier attempt left is no progress";
  EXPECT_EQ(read.file_size(1000), std::nullopt);
  EXPECT_EQ(read.file_size(0), std::nullopt) << "begun again";
  EXPECT_THAT(read.file_size(44), Optional(ChildProgress{.bytes = 44}));
  EXPECT_THAT(read.file_size(1044), Optional(ChildProgress{.bytes = 1044}));
  EXPECT_EQ(read.feed("chatter"), (ChildProgress{.bytes = 1044, .alive_only = true}));
}

TEST(LineReader, CountsLinesOfBothStreamsAndTakesOtherBytesAsSignsOfLife) {
  ProgressReader read = reader("lines");
  EXPECT_EQ(read.feed("one\ntwo"), (ChildProgress{.lines = 1}));
  EXPECT_EQ(read.feed("...\r..."), (ChildProgress{.lines = 1, .alive_only = true}));
  EXPECT_EQ(read.feed("error\n", Stream::err), (ChildProgress{.lines = 2}));
  EXPECT_EQ(read.file_size(100), std::nullopt);
  EXPECT_EQ(fed([] { return reader("lines"); }, "a\nbb\n\nccc\nd").lines, 4);
}

TEST(PercentReader, FindsTheNumberHoweverTheBytesWereCut) {
  const auto make = [] { return reader("percent-regex:([0-9.]+) ?%"); };
  EXPECT_EQ(fed(make, "loading model\n 7%|#   | \r12.5 %|##  |\r37.25%|### |\nrest").percent, 37.25);
  EXPECT_EQ(fed(make, "\r1%\r2%\r3%\r", Stream::err).percent, 3.0);
}

TEST(PercentReader, TakesOnlyARiseAboveTheHighestAsProgress) {
  ProgressReader read = reader("percent-regex:^ *([^%]+)%");
  EXPECT_EQ(read.feed("no number\n"), (ChildProgress{.alive_only = true}));
  EXPECT_EQ(read.feed("0%\n"), (ChildProgress{.percent = 0.0, .alive_only = true}));
  EXPECT_EQ(read.feed("10%\n"), (ChildProgress{.percent = 10.0}));
  EXPECT_EQ(read.feed("10%\n"), (ChildProgress{.percent = 10.0, .alive_only = true}));
  EXPECT_EQ(read.feed("3%\n"), (ChildProgress{.percent = 3.0, .alive_only = true})) << "a second pass";
  EXPECT_EQ(read.feed("12%\n11%\n"), (ChildProgress{.percent = 11.0}));
  for (const char* nonsense : {"101%\n", "-1%\n", "1e999%\n", "nan0%\n", "1.2.3%\n", "%%5\n"}) {
    EXPECT_EQ(read.feed(nonsense), (ChildProgress{.percent = 11.0, .alive_only = true})) << nonsense;
  }
  EXPECT_EQ(read.feed("100 %\n"), (ChildProgress{.percent = 100.0}));
}

TEST(PercentReader, KeepsTheLinesOfTheTwoStreamsApart) {
  ProgressReader read = reader("percent-regex:^([0-9]+)%$");
  read.feed("4", Stream::out);
  read.feed("noise\n", Stream::err);
  EXPECT_EQ(read.feed("2%\n", Stream::out).percent, 42.0);
}

TEST(PercentReader, LooksOnlyAtTheBeginningOfALineThatNeverEnds) {
  ProgressReader read = reader("percent-regex:([0-9]+)%");
  const std::string flood(progress_line_bytes_max / 2, 'x');
  for (int times = 0; times < 1000; ++times)
    EXPECT_TRUE(read.feed(flood).alive_only);
  EXPECT_EQ(read.feed("50%\n").percent, std::nullopt);
  EXPECT_EQ(read.feed("51%\n").percent, 51.0);
}

TEST(PercentReader, SurvivesAPatternWhoseBacktrackingWouldNeverEnd) {
  ProgressReader read = reader("percent-regex:(([0-9a]+)+)+!");
  const std::string line = std::string(progress_line_bytes_max, 'a') + "1\n";
  EXPECT_TRUE(read.feed("1" + line).alive_only);
}

TEST(FfmpegReader, TellsPercentAndRemainingTimeOfAKnownDuration) {
  const auto make = [] { return reader("ffmpeg", {.media_duration = 10s}); };
  const ChildProgress known = fed(make, ffmpeg_blocks);
  EXPECT_EQ(known, (ChildProgress{.bytes = 210048, .percent = 40.0, .remaining = 3750ms, .media_time = 4s}));
  EXPECT_EQ(fed(make, ffmpeg_blocks, Stream::err), known);
}

TEST(FfmpegReader, TakesABlockOnlyWhenItIsWhole) {
  ProgressReader read = reader("ffmpeg", {.media_duration = 10s});
  EXPECT_EQ(read.feed("out_time_us=5000000\nspeed=1x\n"), (ChildProgress{.alive_only = true}));
  EXPECT_EQ(read.feed("progress=continue\n").percent, 50.0);
  EXPECT_TRUE(read.feed("out_time_us=5000000\nspeed=1x\nprogress=continue\n").alive_only) << "nothing more was made";
  const ChildProgress end = read.feed("out_time_us=10020000\nspeed=1x\nprogress=end\n");
  EXPECT_EQ(end.percent, 100.0) << "sound may run some milliseconds longer than the picture";
  EXPECT_EQ(end.remaining, 0ms);
  EXPECT_TRUE(read.feed("progress=whatever\n").alive_only);
}

TEST(FfmpegReader, WithoutADurationCountsBytesOrElseMicrosecondsOfMedia) {
  EXPECT_EQ(fed([] { return reader("ffmpeg"); }, ffmpeg_blocks), (ChildProgress{.bytes = 210048, .media_time = 4s}));
  ProgressReader read = reader("ffmpeg", {.media_duration = 0s});
  EXPECT_EQ(read.feed("total_size=N/A\nout_time_ms=1500000\nprogress=continue\n"),
            (ChildProgress{.bytes = 1'500'000, .media_time = 1500ms}));
  EXPECT_EQ(read.feed("total_size=N/A\nout_time_ms=2500000\nprogress=continue\n"),
            (ChildProgress{.bytes = 2'500'000, .media_time = 2500ms}));
}

TEST(FfmpegReader, SurvivesWhatFfmpegSaysBeforeTheFirstPacketAndWhatNobodySays) {
  ProgressReader read = reader("ffmpeg", {.media_duration = 10s});
  EXPECT_TRUE(read.feed("out_time_us=-9223372036854775807\nprogress=continue\n").alive_only);
  EXPECT_TRUE(read.feed("out_time_us=99999999999999999999\nprogress=continue\n").alive_only);
  EXPECT_TRUE(read.feed("=\n==\nprogress\nspeed=x\nprogress=\nframe=  10 fps=0.0 q=0.0 size=0kB\n").alive_only);
  const ChildProgress slow = read.feed("out_time_us=1\nspeed=1e-300x\nprogress=continue\n");
  EXPECT_GT(slow.remaining.value(), 24h * 365);
  EXPECT_EQ(read.feed("out_time_us=2\nspeed=0x\nprogress=continue\n").remaining, std::nullopt);
}

TEST(PlainText, ShowsWhatATerminalWouldShow) {
  EXPECT_EQ(plain_text("one\r\ntwo\tthree\n"), "one\ntwo three\n");
  EXPECT_EQ(plain_text("frame=1\rframe=2\rframe=3\r\ndone"), "frame=3\ndone");
  EXPECT_EQ(plain_text("\x1b[1;31mred\x1b[0m \x1b]0;title\a\x1b]8;;x\x1b\\link\x1b(B \x1b"), "red link ");
  EXPECT_EQ(plain_text("cut \x1b[1;3"), "cut ");
  EXPECT_EQ(plain_text("cut \x1b]0;ti"), "cut ");
  EXPECT_EQ(plain_text("Größe 漢字"), "Größe 漢字");
}

TEST(PlainText, MakesControlCharactersAndBadBytesHarmless) {
  EXPECT_EQ(plain_text("a\bb\x7f"),
            "a\xef\xbf\xbd"
            "b\xef\xbf\xbd");
  EXPECT_EQ(plain_text("\xc2\x9b[2J"), "\xef\xbf\xbd[2J");
  EXPECT_EQ(plain_text("\xe2\x80\xaetxt"), "\xef\xbf\xbdtxt");
  EXPECT_EQ(plain_text("\xc3\nnext"), "\xef\xbf\xbd\nnext");
  EXPECT_EQ(plain_text("\xc3"
                       "A"),
            "\xef\xbf\xbd"
            "A")
      << "the byte behind a broken one is not swallowed";
  std::string all;
  for (int c = 0; c < 256; ++c)
    all += static_cast<char>(c);
  EXPECT_TRUE(is_utf8(plain_text(all)));
}

TEST(Tail, KeepsTheEndInBoundedMemory) {
  Tail tail(64);
  for (int line = 0; line < 10'000; ++line)
    tail.add("line " + std::to_string(line) + "\n");
  EXPECT_THAT(tail.text(), testing::EndsWith("line 9998\nline 9999"));
  EXPECT_LE(tail.text().size(), 64u);
  EXPECT_EQ(tail.count(), 98'890);
  tail.add(std::string(100'000, 'x') + "end\n \n");
  EXPECT_THAT(tail.text(), testing::EndsWith("xxxend"));
  EXPECT_LE(tail.text().size(), 64u);
  Tail blank(64);
  EXPECT_EQ(blank.text(), "");
  blank.add("\n \n");
  EXPECT_EQ(blank.text(), "");
}

TEST(Tail, NeverCutsACharacterInTwo) {
  for (std::size_t bytes_max = 8; bytes_max < 24; ++bytes_max) {
    Tail tail(bytes_max);
    for (int times = 0; times < 100; ++times)
      tail.add("漢字Ä\x01");
    EXPECT_TRUE(is_utf8(tail.text()));
    EXPECT_LE(tail.text().size(), bytes_max);
  }
  EXPECT_EQ(end_of("first\nsecond", 8), "second");
  EXPECT_EQ(end_of("first\nsecond", 6), "second");
  EXPECT_EQ(end_of("abcdefgh", 6), "…fgh");
}

}  // namespace
}  // namespace holdfast::process
