#pragma once

#include <optional>
#include <string>
#include <string_view>

/// The languages of the providers, pure: bytes of requests out; bytes of answers in → progress, liveness, end, error.
namespace holdfast::wire {

/// The language of a path.
enum class Dialect : unsigned char { openai, anthropic, ollama, elevenlabs, sdwebui };
/// "openai", …: the `protocol` of a configured provider.
std::string_view name(Dialect dialect) noexcept;
std::optional<Dialect> dialect_from_name(std::string_view name) noexcept;

/// What a request asks for. `other`: passed on as bytes.
enum class Action : unsigned char {
  models,
  model,
  chat,
  responses,
  completions,
  embeddings,
  speech,
  transcription,
  images,
  videos,
  messages,
  count_tokens,
  generate,
  embed,
  tags,
  show,
  tts,
  txt2img,
  progress,
  interrupt,
  other
};

struct Route {
  Dialect dialect{};
  Action action = Action::other;
  /// What is made: "text", "speech", "image", "video" or "embedding"; empty where nothing is (lists, polls).
  std::string_view kind{};

  bool operator==(const Route&) const = default;
};

/// By method and path, which stands without query and without the prefix of a job. A path below a dialect's own that
/// is none of the above is `other`. `anthropic_version`: that header was sent; it decides `/v1/models` and what is
/// `other` below `/v1/`. Nothing: no dialect has such a path.
std::optional<Route> route_of(std::string_view method, std::string_view path, bool anthropic_version);

/// The target at a provider whose base URL has the path `base`: `base` in front of `path`, which begins with a slash.
/// Where both say `/v1`, once: some clients put it in their base URL, and some providers have it in theirs.
std::string target_at(std::string_view base, std::string_view path, std::string_view query = {});

/// The member of a request's body that names the model.
std::string_view model_member(Dialect dialect) noexcept;

}  // namespace holdfast::wire
