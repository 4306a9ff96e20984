#pragma once

#include <memory>
#include <span>
#include <string>

#include "holdfast/base/error.hpp"
#include "holdfast/store/sqlite_database.hpp"
#include "holdfast/store/store.hpp"

namespace holdfast::store {

/// "Hfst": what a file of ours says it is, at byte 68.
inline constexpr std::uint32_t application_id = 0x48667374;

/// Which jobs the index `jobs_active` holds, in its own words: with others SQLite does not use it.
#define HOLDFAST_ACTIVE_JOBS "(state = 'running' OR state = 'waiting' OR state = 'interrupted' OR state = 'failed')"

/// One step: what makes a file of version `to` - 1 one of version `to`. The first makes it from nothing.
struct Migration {
  int to;
  const char* sql;
};

/// All steps, numbered from 1 without gaps. The last is the version that this program reads and writes.
std::span<const Migration> migrations();

/// Opens the file, makes it where it is not there, brings it up to date where it is older; `empty` says what becomes of
/// one that is there and empty.
///
/// A file that is no store, that is damaged, or that a newer version has written is refused with a sentence and left as
/// it is, to the byte. An older one is copied to `PATH.before-vN` first, and then changed in one transaction. A current
/// one is not written to, so that it opens beside a process that writes.
result<std::unique_ptr<Database>> open_database(const std::string& path, const std::string& vfs,
                                                std::span<const Migration> steps, Empty empty);

}  // namespace holdfast::store
