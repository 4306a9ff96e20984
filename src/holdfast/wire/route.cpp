#include "holdfast/wire/route.hpp"

#include <algorithm>
#include <array>

namespace holdfast::wire {
namespace {

constexpr std::array dialect_names = {std::string_view("openai"), std::string_view("anthropic"),
                                      std::string_view("ollama"), std::string_view("elevenlabs"),
                                      std::string_view("sdwebui")};

struct Row {
  std::string_view method, path;  ///< `*` is one segment, `**` at the end one or more
  Route route;
};

constexpr std::array rows = {
    Row{"GET", "/v1/models", {Dialect::openai, Action::models}},
    Row{"GET", "/v1/models/**", {Dialect::openai, Action::model}},  // names of models may hold a slash
    Row{"POST", "/v1/chat/completions", {Dialect::openai, Action::chat, "text"}},
    Row{"POST", "/v1/responses", {Dialect::openai, Action::responses, "text"}},
    Row{"POST", "/v1/completions", {Dialect::openai, Action::completions, "text"}},
    Row{"POST", "/v1/embeddings", {Dialect::openai, Action::embeddings, "embedding"}},
    Row{"POST", "/v1/audio/speech", {Dialect::openai, Action::speech, "speech"}},
    Row{"POST", "/v1/audio/transcriptions", {Dialect::openai, Action::transcription, "text"}},
    Row{"POST", "/v1/audio/translations", {Dialect::openai, Action::transcription, "text"}},
    Row{"POST", "/v1/images/generations", {Dialect::openai, Action::images, "image"}},
    Row{"POST", "/v1/images/edits", {Dialect::openai, Action::images, "image"}},
    Row{"POST", "/v1/images/variations", {Dialect::openai, Action::images, "image"}},
    Row{"POST", "/v1/videos", {Dialect::openai, Action::videos, "video"}},
    Row{"POST", "/v1/videos/*/remix", {Dialect::openai, Action::videos, "video"}},
    Row{"GET", "/v1/videos/*", {Dialect::openai, Action::videos}},  // how far it is
    Row{"POST", "/v1/messages", {Dialect::anthropic, Action::messages, "text"}},
    Row{"POST", "/v1/messages/count_tokens", {Dialect::anthropic, Action::count_tokens}},
    Row{"POST", "/api/chat", {Dialect::ollama, Action::chat, "text"}},
    Row{"POST", "/api/generate", {Dialect::ollama, Action::generate, "text"}},
    Row{"POST", "/api/embed", {Dialect::ollama, Action::embed, "embedding"}},
    Row{"POST", "/api/embeddings", {Dialect::ollama, Action::embed, "embedding"}},
    Row{"GET", "/api/tags", {Dialect::ollama, Action::tags}},
    Row{"POST", "/api/show", {Dialect::ollama, Action::show}},
    Row{"HEAD", "/", {Dialect::ollama, Action::other}},  // its command line knocks so
    Row{"POST", "/v1/text-to-speech/*", {Dialect::elevenlabs, Action::tts, "speech"}},
    Row{"POST", "/v1/text-to-speech/*/stream", {Dialect::elevenlabs, Action::tts, "speech"}},
    Row{"POST", "/v1/text-to-speech/*/with-timestamps", {Dialect::elevenlabs, Action::tts, "speech"}},
    Row{"POST", "/v1/text-to-speech/*/stream/with-timestamps", {Dialect::elevenlabs, Action::tts, "speech"}},
    Row{"POST", "/sdapi/v1/txt2img", {Dialect::sdwebui, Action::txt2img, "image"}},
    Row{"POST", "/sdapi/v1/img2img", {Dialect::sdwebui, Action::txt2img, "image"}},
    Row{"GET", "/sdapi/v1/progress", {Dialect::sdwebui, Action::progress}},
    Row{"POST", "/sdapi/v1/interrupt", {Dialect::sdwebui, Action::interrupt}},
};

struct Prefix {
  std::string_view path;  ///< itself and what is below it
  Dialect dialect;
};

/// Whose the rest is. The first that fits.
constexpr std::array prefixes = {
    Prefix{"/v1/messages", Dialect::anthropic},
    Prefix{"/v1/text-to-speech", Dialect::elevenlabs},
    Prefix{"/v1/voices", Dialect::elevenlabs},
    Prefix{"/v2/voices", Dialect::elevenlabs},
    Prefix{"/api", Dialect::ollama},
    Prefix{"/sdapi/v1", Dialect::sdwebui},
    Prefix{"/v1", Dialect::openai},
};

/// Up to the next slash, which is taken away.
std::string_view next_segment(std::string_view& path) {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return segment;
}

bool fits(std::string_view pattern, std::string_view path) {
  while (!pattern.empty() && !path.empty()) {
    if (pattern == "**") return path.front() != '/';
    // A slash at the end leaves nothing behind it, but is a segment more.
    if (path.back() == '/') return pattern == path;
    const std::string_view want = next_segment(pattern), have = next_segment(path);
    if (want == "*" ? have.empty() : want != have) return false;
  }
  return pattern.empty() && path.empty();
}

}  // namespace

std::string_view name(Dialect dialect) noexcept {
  return dialect_names[static_cast<std::size_t>(dialect)];
}

std::optional<Dialect> dialect_from_name(std::string_view name) noexcept {
  const auto* const found = std::ranges::find(dialect_names, name);
  if (found == dialect_names.end()) return std::nullopt;
  return static_cast<Dialect>(found - dialect_names.begin());
}

std::optional<Route> route_of(std::string_view method, std::string_view path, bool anthropic_version) {
  for (const Row& row : rows) {
    if (row.method != method || !fits(row.path, path)) continue;
    Route route = row.route;
    const bool both = route.action == Action::models || route.action == Action::model;
    if (both && anthropic_version) route.dialect = Dialect::anthropic;
    return route;
  }
  for (const Prefix& prefix : prefixes) {
    if (!path.starts_with(prefix.path)) continue;
    const std::string_view rest = path.substr(prefix.path.size());
    const bool root = prefix.path.rfind('/') == 0 || prefix.path == "/sdapi/v1";  // itself nobody's: only what is below
    if (root ? rest.size() < 2 || rest.front() != '/' : !rest.empty() && rest.front() != '/') continue;
    const bool shared = prefix.dialect == Dialect::openai && anthropic_version;
    return Route{shared ? Dialect::anthropic : prefix.dialect, Action::other, {}};
  }
  return std::nullopt;
}

std::string target_at(std::string_view base, std::string_view path, std::string_view query) {
  constexpr std::string_view version = "/v1";
  if (base.ends_with(version) && (path == version || path.starts_with("/v1/"))) path.remove_prefix(version.size());
  std::string target(base);
  target.append(path);
  if (target.empty()) target.push_back('/');
  if (!query.empty()) target.append("?").append(query);
  return target;
}

std::string_view model_member(Dialect dialect) noexcept {
  return dialect == Dialect::elevenlabs ? "model_id" : "model";
}

}  // namespace holdfast::wire
