#pragma once

#include <memory>
#include <string>

#include "holdfast/providers/provider.hpp"

namespace holdfast::process {
class Spawner;
}

/// The providers that every machine with espeak-ng and ffmpeg has, without any configuration.
namespace holdfast::providers {

/// Text: writes the script of a narrated video from an article, by rules, with the article's own sentences. Progress:
/// scenes written, as chunks.
std::unique_ptr<Provider> rulebased_provider(ProviderInfo info);

/// Speech: espeak-ng reads the prompt aloud into a WAV file. Its voice follows the call's `language`; without one, the
/// language is told from the words. Progress: bytes of the file.
std::unique_ptr<Provider> espeak_provider(ProviderInfo info, process::Spawner& spawner);

/// Image: a title card of 1920 x 1080 as PNG. The prompt's first line is its heading, the others are points; `index`
/// and `count` of the call become its page number. The same prompt gives the same picture.
std::unique_ptr<Provider> cards_provider(ProviderInfo info, process::Spawner& spawner);

/// Video, of 1920 x 1080 at 25 frames a second, H.264 and AAC. A prompt of `image: PATH` and `audio: PATH` makes a
/// scene: the picture for as long as the sound, and a breath before and after. A prompt of lines `file 'PATH'` joins
/// such scenes without encoding them again. Progress: percent of the length.
std::unique_ptr<Provider> ffmpeg_provider(ProviderInfo info, process::Spawner& spawner);

}  // namespace holdfast::providers
