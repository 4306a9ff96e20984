#include "holdfast/wire/route.hpp"

#include <gtest/gtest.h>

namespace holdfast::wire {
namespace {

struct Case {
  std::string_view method, path;
  std::optional<Route> route;
};

TEST(Route, FollowsMethodAndPath) {
  using enum Dialect;
  const Case cases[] = {
      {"GET", "/v1/models", Route{openai, Action::models}},
      {"GET", "/v1/models/gpt-4o", Route{openai, Action::model}},
      {"GET", "/v1/models/meta-llama/Llama-3", Route{openai, Action::model}},
      {"DELETE", "/v1/models/ft:x", Route{openai, Action::other}},
      {"GET", "/v1/models/", Route{openai, Action::other}},
      {"POST", "/v1/chat/completions", Route{openai, Action::chat, "text"}},
      {"GET", "/v1/chat/completions", Route{openai, Action::other}},
      {"post", "/v1/chat/completions", Route{openai, Action::other}},
      {"POST", "/v1/chat/completions/", Route{openai, Action::other}},
      {"POST", "/v1/responses", Route{openai, Action::responses, "text"}},
      {"GET", "/v1/responses/resp_1", Route{openai, Action::other}},
      {"POST", "/v1/completions", Route{openai, Action::completions, "text"}},
      {"POST", "/v1/embeddings", Route{openai, Action::embeddings, "embedding"}},
      {"POST", "/v1/audio/speech", Route{openai, Action::speech, "speech"}},
      {"POST", "/v1/audio/transcriptions", Route{openai, Action::transcription, "text"}},
      {"POST", "/v1/images/generations", Route{openai, Action::images, "image"}},
      {"POST", "/v1/videos", Route{openai, Action::videos, "video"}},
      {"GET", "/v1/videos/video_1", Route{openai, Action::videos}},
      {"GET", "/v1/videos/video_1/content", Route{openai, Action::other}},
      {"POST", "/v1/messages", Route{anthropic, Action::messages, "text"}},
      {"POST", "/v1/messages/count_tokens", Route{anthropic, Action::count_tokens}},
      {"GET", "/v1/messages/batches", Route{anthropic, Action::other}},
      {"POST", "/v1/messagesx", Route{openai, Action::other}},
      {"POST", "/api/chat", Route{ollama, Action::chat, "text"}},
      {"POST", "/api/generate", Route{ollama, Action::generate, "text"}},
      {"POST", "/api/embed", Route{ollama, Action::embed, "embedding"}},
      {"GET", "/api/tags", Route{ollama, Action::tags}},
      {"POST", "/api/show", Route{ollama, Action::show}},
      {"GET", "/api/version", Route{ollama, Action::other}},
      {"GET", "/api/ps", Route{ollama, Action::other}},
      {"HEAD", "/", Route{ollama, Action::other}},
      {"GET", "/", std::nullopt},
      {"POST", "/v1/text-to-speech/JBFq", Route{elevenlabs, Action::tts, "speech"}},
      {"POST", "/v1/text-to-speech/JBFq/stream", Route{elevenlabs, Action::tts, "speech"}},
      {"POST", "/v1/text-to-speech/JBFq/stream/with-timestamps", Route{elevenlabs, Action::tts, "speech"}},
      {"POST", "/v1/text-to-speech//stream", Route{elevenlabs, Action::other}},
      {"GET", "/v1/voices", Route{elevenlabs, Action::other}},
      {"POST", "/sdapi/v1/txt2img", Route{sdwebui, Action::txt2img, "image"}},
      {"POST", "/sdapi/v1/img2img", Route{sdwebui, Action::txt2img, "image"}},
      {"GET", "/sdapi/v1/progress", Route{sdwebui, Action::progress}},
      {"POST", "/sdapi/v1/interrupt", Route{sdwebui, Action::interrupt}},
      {"GET", "/sdapi/v1/samplers", Route{sdwebui, Action::other}},
      {"GET", "/v1", std::nullopt},
      {"GET", "/v1/", std::nullopt},
      {"GET", "/v10/models", std::nullopt},
      {"GET", "/api", std::nullopt},
      {"GET", "/sdapi/v1/", std::nullopt},
      {"GET", "/holdfast/v1/jobs", std::nullopt},
      {"GET", "/metrics", std::nullopt},
      {"GET", "", std::nullopt},
  };
  for (const Case& each : cases)
    EXPECT_EQ(route_of(each.method, each.path, false), each.route) << each.method << " " << each.path;
}

TEST(Route, TheVersionHeaderOfAnthropicDecidesWhatBothHave) {
  EXPECT_EQ(route_of("GET", "/v1/models", true), (Route{Dialect::anthropic, Action::models}));
  EXPECT_EQ(route_of("GET", "/v1/models/claude", true), (Route{Dialect::anthropic, Action::model}));
  EXPECT_EQ(route_of("GET", "/v1/files", true), (Route{Dialect::anthropic, Action::other}));
  EXPECT_EQ(route_of("POST", "/v1/chat/completions", true), (Route{Dialect::openai, Action::chat, "text"}));
  EXPECT_EQ(route_of("GET", "/api/tags", true), (Route{Dialect::ollama, Action::tags}));
}

TEST(Dialect, IsKnownByTheNameOfItsProtocol) {
  for (const Dialect each :
       {Dialect::openai, Dialect::anthropic, Dialect::ollama, Dialect::elevenlabs, Dialect::sdwebui})
    EXPECT_EQ(dialect_from_name(name(each)), each);
  EXPECT_EQ(name(Dialect::sdwebui), "sdwebui");
  EXPECT_EQ(dialect_from_name("command"), std::nullopt);
}

TEST(Target, TheVersionStandsInItOnce) {
  EXPECT_EQ(target_at("/v1", "/v1/chat/completions"), "/v1/chat/completions");
  EXPECT_EQ(target_at("/v1", "/v1"), "/v1");
  EXPECT_EQ(target_at("/v1", "/v1beta/x"), "/v1/v1beta/x");
  EXPECT_EQ(target_at("", "/v1/chat/completions"), "/v1/chat/completions");
  EXPECT_EQ(target_at("", "/api/tags", "a=1&b"), "/api/tags?a=1&b");
  EXPECT_EQ(target_at("/proxy/v1", "/v1/models"), "/proxy/v1/models");
  EXPECT_EQ(target_at("", ""), "/");
}

}  // namespace
}  // namespace holdfast::wire
