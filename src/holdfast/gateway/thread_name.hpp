#pragma once

namespace holdfast {

/// What `top -H`, `perf` and core dumps call this thread. At most 15 bytes.
void name_this_thread(const char* name);

}  // namespace holdfast
