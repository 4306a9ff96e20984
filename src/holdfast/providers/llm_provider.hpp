#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "holdfast/providers/asking/retry.hpp"
#include "holdfast/providers/provider.hpp"
#include "holdfast/providers/provider_config.hpp"

namespace holdfast::providers {

/// Text of one answer that is held in memory; what a template reads of an artifact is as much.
inline constexpr std::size_t answer_bytes_max = 64 * 1024 * 1024;
/// For everything that `check` asks.
inline constexpr milliseconds check_time_max{10'000};

/// Times that tests have shorter.
struct LlmTimes {
  milliseconds retry_pause = retry_pause_first;
  milliseconds check = check_time_max;
};

/// A language model over HTTP: OpenAI, Anthropic, Ollama, and whoever speaks like one of them.
///
/// `run` streams: what has come is progress (units of content, thinking, tool arguments, as tokens), other bytes are
/// signs of life, and a provider that tells how much of a long prompt it has read gives percent. The artifact is the
/// text alone, written whole; of a call that is stopped or fails, what had come by then.
///
/// The model: what the call says, by the `models` of the configuration, else their `default`. Of a stage that has
/// moved here from another provider, only a name that `models` knows.
///
/// Hard errors: HTTP errors, the provider's own error events, an answer that is cut off, that has no end marker, that
/// ends at the limit of tokens or is withheld, that is no stream of the dialect, that holds no text. The same provider
/// is asked again where its connection is refused, and after 429 and 503 with `Retry-After`; each pause is shown, and
/// ended by a stop. No key is in any message.
///
/// A configuration that cannot work (a key that is missing) is a problem of this provider (`problems`), not an error
/// of whoever makes it. `config.protocol` is `openai`, `anthropic` or `ollama`.
std::unique_ptr<Provider> llm_provider(ProviderInfo info, const ProviderConfig& config,
                                       const std::function<std::optional<std::string>(std::string_view)>& environment,
                                       LlmTimes times = {});

}  // namespace holdfast::providers
