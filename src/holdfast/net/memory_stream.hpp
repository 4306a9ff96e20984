#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "holdfast/net/stream.hpp"

namespace holdfast::net {

struct MemoryOptions {
  /// What a read gives at most: 1 feeds byte by byte.
  std::size_t read_bytes_max = 64 * 1024;
  /// What one direction holds before a write waits.
  std::size_t held_bytes_max = 64 * 1024;
};

/// Two streams that are each other's peer, without a kernel: for tests. The same contract as sockets, half-closing and
/// cancellation included; a stream that closes resets what its peer writes afterwards.
std::pair<std::unique_ptr<Stream>, std::unique_ptr<Stream>> memory_pair(const Executor& executor,
                                                                        MemoryOptions options = {});

}  // namespace holdfast::net
