#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "holdfast/core/words.hpp"
#include "holdfast/wire/document.hpp"
#include "holdfast/wire/framing.hpp"
#include "holdfast/wire/route.hpp"

namespace holdfast::wire {

/// The tool that an Anthropic model is made to use where its answer must follow a schema: what it is given is the text.
inline constexpr std::string_view answer_tool = "holdfast_answer";

enum class ChoiceState : unsigned char { unseen, open, finished };

/// What was understood of an answer so far.
struct Findings {
  std::int64_t progress = 0;
  std::optional<double> percent{};
  bool ended = false;  ///< by its own end marker
  std::string stop{};  ///< why the provider stopped, in its own word ("stop", "length", "end_turn", …)
  std::optional<ProviderFault> fault{};
  std::optional<std::int64_t> sequence{};  ///< the last `sequence_number`

  bool done = false;  ///< `[DONE]`: no choice is waited for
  std::vector<ChoiceState> choices{};
  std::string* text = nullptr;                 ///< where content goes
  std::size_t text_before = 0;                 ///< what stood there when collecting began
  std::optional<std::int64_t> answer_block{};  ///< the block of `answer_tool`
};

/// Reads a provider's answer as it passes, wherever the bytes are cut.
///
/// The bytes themselves go on unchanged; this only says what they mean. Of a streamed answer each frame is read; a
/// frame that cannot be read is counted. `whole` is followed as JSON. On routes of `Action::other`, of ElevenLabs, and
/// of an answer that is not 2xx (see `fault_of`), bytes are counted and nothing is judged.
/// Threads: none. Limits: `frame_bytes_max`, `document_bytes_max`.
class AnswerReader {
 public:
  AnswerReader(const Route& route, int status, Framing framing);

  void feed(std::string_view bytes);
  /// No bytes follow: without its end marker the fault is `truncated`. What comes after an end or a fault changes
  /// neither.
  void finish();

  /// Units of work seen: non-empty deltas of content, thinking or reasoning, tool arguments and audio, and pictures.
  /// Bytes for `bytes` and `whole`, and where nothing is judged.
  std::int64_t progress() const { return findings_.progress; }
  /// 0 to 100. llama.cpp's `prompt_progress`; a video's `progress`; that of Stable Diffusion.
  std::optional<double> percent() const { return findings_.percent; }
  /// Its end marker was seen: `[DONE]`, or the finish reason of every choice seen; `message_stop`; `done: true`;
  /// `response.completed` or `.incomplete`; `whole`: complete JSON; `bytes` and where nothing is judged: after
  /// `finish()`. More bytes may follow it (usage, `[DONE]`): the answer ends where its bytes end.
  bool ended() const { return findings_.ended; }
  /// The provider's own error event after 200; `truncated`; `protocol` for a document that is no JSON.
  const std::optional<ProviderFault>& fault() const { return findings_.fault; }
  /// Bytes of ours may stand here: between events or lines; `whole`: before its first byte only; `bytes`: never.
  bool at_boundary() const;
  /// Frames that could not be read: passed on, counted.
  std::uint64_t unreadable() const { return unreadable_; }
  /// The provider's own word for why it stopped, of the first choice; empty: not said.
  const std::string& stop() const { return findings_.stop; }
  /// Of `responses`: for the event that we may have to add (`error_frames`).
  std::optional<std::int64_t> sequence_number() const { return findings_.sequence; }

  /// From now on the text (content of the first choice, no thinking) is appended here. For those who want the text,
  /// not the bytes. The input of `answer_tool` takes the place of any text before it. `whole`: set before the first
  /// byte, and there at the end. Lifetime: outlives this.
  void collect_text(std::string* into);

 private:
  void read_frame(const Frame& frame);
  void feed_document(std::string_view bytes);
  void read_document();
  bool keeps_document() const;
  void finish_document();

  Route route_;
  Framing framing_;
  bool judged_ = true;
  bool begun_ = false;
  int status_;
  FrameSplitter splitter_;
  std::optional<Document> document_;
  std::string kept_;
  bool kept_all_ = true;
  std::uint64_t unreadable_ = 0;
  Findings findings_;
};

}  // namespace holdfast::wire
