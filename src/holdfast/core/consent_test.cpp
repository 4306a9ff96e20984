#include "holdfast/core/consent.hpp"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

using namespace std::chrono_literals;

TEST(StandingConsent, ReadsAndWritesItsFourForms) {
  for (const char* text :
       {"stall after 10m: switch to OpenAI", "stall after 90s: cancel", "error: switch to OpenAI", "error: cancel",
        "stall after 0s: cancel", "stall after 2h: cancel", "stall after 5ms: cancel"}) {
    const auto parsed = parse_consent(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(parsed->text(), text);
  }
  EXPECT_EQ(parse_consent("stall after 10m: cancel")->minimum_silence, 10min);
  EXPECT_EQ(parse_consent(" error :  switch to  A b ")->switch_to, "A b");
}

TEST(StandingConsent, SaysWhatWouldBeRight) {
  for (const char* text : {"", "stall", "stall after x: cancel", "always: cancel", "error: maybe", "error: switch to ",
                           "error: switch to \x01", " : cancel", "error:  "}) {
    const auto parsed = parse_consent(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().message.find("write 'stall after 10m: switch to NAME'"), std::string::npos);
  }
}

}  // namespace
}  // namespace holdfast
