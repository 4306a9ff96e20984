#pragma once

#include <memory>

#include "holdfast/providers/provider.hpp"

namespace holdfast::process {
class Spawner;
}

namespace holdfast::providers {

/// A local program as a provider: the command that the call brings, its variables replaced, or nothing at all.
///
/// A prompt that no argument mentions goes to its stdin; without an argument for the output, what it prints is the
/// artifact. Progress is what the command's `progress` says. `spec` without arguments: runs stages' own commands only.
/// Throws `Error` config where the kind of progress is none.
std::unique_ptr<Provider> command_provider(ProviderInfo info, CommandSpec spec, process::Spawner& spawner);

}  // namespace holdfast::providers
