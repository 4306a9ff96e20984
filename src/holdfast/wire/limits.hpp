#pragma once

#include <cstddef>

/// Every bound of this module, with its reason.
namespace holdfast::wire {

/// A request's body: twice what Anthropic takes, with room for pictures in base 64.
inline constexpr std::size_t body_bytes_max = 64 * 1024 * 1024;
/// One line, and one event, of a streamed answer: a picture in base 64 comes in one. A longer one is passed on unread.
inline constexpr std::size_t frame_bytes_max = 16 * 1024 * 1024;
/// Objects in objects. Schemas of tools nest some dozen deep; readers descend by recursion.
inline constexpr int json_depth_max = 256;
/// Of an answer in one document: kept to be read at its end where somebody wants its text, its percent or its error.
inline constexpr std::size_t document_bytes_max = 64 * 1024 * 1024;
/// Of an error's document: the words of an error, with room for lists of wrong fields.
inline constexpr std::size_t error_bytes_max = 64 * 1024;
/// A provider's own code of an error: a word.
inline constexpr std::size_t error_code_bytes_max = 64;
/// Choices of one answer whose ends are awaited: OpenAI gives 128 at most.
inline constexpr std::size_t choices_max = 128;
/// Of an answer that is put together: members of one object, tools called at once, blocks of content, elements of one
/// frame's list. Providers send a dozen.
inline constexpr std::size_t parts_max = 256;
/// What an Anthropic model may say where the stage does not say how much: their API wants a number, and every model
/// of theirs takes this one.
inline constexpr int max_tokens_default = 4096;

}  // namespace holdfast::wire
