#include <algorithm>
#include <array>
#include <map>

#include "store_driver.hpp"

// Disks that fail, fill up and lose what was not synced; and memory that runs out.
namespace holdfast::store {
namespace {

/// A file layer below SQLite that does as it is told. One at a time; nothing is really synced, so it is fast.
class FaultyDisk {
 public:
  enum class Mode {
    fails_once,  ///< the Nth write, sync, truncation or lock fails
    fails_on,    ///< from the Nth on all of them, until it is mended
    full,        ///< from the Nth on writes find no room
    reads_fail,  ///< the Nth read fails
    power_loss   ///< at the Nth the machine stops: only what was synced is there, and some of the rest
  };
  static constexpr const char* name = "faulty";

  FaultyDisk() {
    real() = sqlite3_vfs_find(nullptr);
    vfs_ = *real();
    vfs_.zName = name;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real()->szOsFile;
    vfs_.xOpen = open;
    sqlite3_vfs_register(&vfs_, 0);
    current() = this;
  }
  ~FaultyDisk() {
    sqlite3_vfs_unregister(&vfs_);
    current() = nullptr;
  }
  FaultyDisk(const FaultyDisk&) = delete;
  FaultyDisk& operator=(const FaultyDisk&) = delete;

  void arm(Mode mode, int at) {
    mode_ = mode;
    left_ = at;
  }
  /// True where the fault has come. From here on everything works.
  bool mend() {
    const bool came = left_ <= 0;
    left_ = -1;
    armed_off_ = true;
    return came;
  }
  /// The machine starts again: files are as the disk has them. `luck` chooses which unsynced writes have arrived.
  void restart(std::uint64_t luck) {
    for (auto& [path, state] : files_) {
      std::string bytes = state.synced;
      for (const Write& write : state.pending) {
        luck = luck * 6364136223846793005u + 1442695040888963407u;
        if (luck >> 63) continue;
        if (write.truncated) {
          bytes.resize(write.at);
        } else {
          bytes.resize(std::max(bytes.size(), write.at + write.bytes.size()));
          bytes.replace(write.at, write.bytes.size(), write.bytes);
        }
      }
      std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
    }
    files_.clear();
  }

 private:
  struct Write {
    std::size_t at = 0;
    std::string bytes;
    bool truncated = false;
  };
  struct State {
    std::string synced;
    std::vector<Write> pending;
  };
  struct File {
    sqlite3_file base;
    State* state;
    sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
  };

  static sqlite3_vfs*& real() {
    static sqlite3_vfs* vfs = nullptr;
    return vfs;
  }
  static FaultyDisk*& current() {
    static FaultyDisk* disk = nullptr;
    return disk;
  }
  static File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }

  enum class Deed { read, write, sync, truncate, lock };
  /// What this deed ends with, where it fails.
  int fault(Deed deed) {
    if (armed_off_ || left_ < 0) return SQLITE_OK;
    const bool counted = mode_ == Mode::reads_fail ? deed == Deed::read
                         : mode_ == Mode::full     ? deed == Deed::write
                                                   : deed != Deed::read;
    if (left_ > 0 && counted) --left_;
    if (left_ > 0) return SQLITE_OK;
    if (mode_ == Mode::fails_once || mode_ == Mode::reads_fail) {
      if (!counted || std::exchange(spent_, true)) return SQLITE_OK;
    }
    switch (deed) {
      case Deed::read:
        return mode_ == Mode::full || mode_ == Mode::fails_on ? SQLITE_OK : SQLITE_IOERR_READ;
      case Deed::write:
        return mode_ == Mode::full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
      case Deed::sync:
        return mode_ == Mode::full ? SQLITE_OK : SQLITE_IOERR_FSYNC;
      case Deed::truncate:
        return mode_ == Mode::full ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
      case Deed::lock:
        return mode_ == Mode::full ? SQLITE_OK : SQLITE_IOERR_LOCK;
    }
    return SQLITE_OK;
  }

  static int open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* out) {
    File* const mine = of(file);
    mine->base.pMethods = nullptr;
    const int code = real()->xOpen(real(), path, mine->real(), flags, out);
    if (code != SQLITE_OK) return code;
    const auto [state, fresh] = current()->files_.try_emplace(path == nullptr ? "" : path);
    if (fresh && path != nullptr) state->second.synced = bytes_of(path);
    mine->state = &state->second;
    static const sqlite3_io_methods methods = table();
    mine->base.pMethods = &methods;
    return SQLITE_OK;
  }

  static sqlite3_io_methods table() {
    sqlite3_io_methods out{};
    out.iVersion = 1;
    out.xClose = [](sqlite3_file* f) { return of(f)->real()->pMethods->xClose(of(f)->real()); };
    out.xRead = [](sqlite3_file* f, void* to, int bytes, sqlite3_int64 at) {
      if (const int code = current()->fault(Deed::read)) return code;
      return of(f)->real()->pMethods->xRead(of(f)->real(), to, bytes, at);
    };
    out.xWrite = [](sqlite3_file* f, const void* from, int bytes, sqlite3_int64 at) {
      if (const int code = current()->fault(Deed::write)) return code;
      of(f)->state->pending.push_back(
          {static_cast<std::size_t>(at), std::string(static_cast<const char*>(from), static_cast<std::size_t>(bytes))});
      return of(f)->real()->pMethods->xWrite(of(f)->real(), from, bytes, at);
    };
    out.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
      if (const int code = current()->fault(Deed::truncate)) return code;
      of(f)->state->pending.push_back({static_cast<std::size_t>(size), "", true});
      return of(f)->real()->pMethods->xTruncate(of(f)->real(), size);
    };
    out.xSync = [](sqlite3_file* f, int) {
      if (const int code = current()->fault(Deed::sync)) return code;
      State& state = *of(f)->state;
      for (const Write& write : state.pending) {
        if (write.truncated) {
          state.synced.resize(write.at);
        } else {
          state.synced.resize(std::max(state.synced.size(), write.at + write.bytes.size()));
          state.synced.replace(write.at, write.bytes.size(), write.bytes);
        }
      }
      state.pending.clear();
      return SQLITE_OK;
    };
    out.xFileSize = [](sqlite3_file* f, sqlite3_int64* out_size) {
      return of(f)->real()->pMethods->xFileSize(of(f)->real(), out_size);
    };
    out.xLock = [](sqlite3_file* f, int kind) {
      if (const int code = current()->fault(Deed::lock)) return code;
      return of(f)->real()->pMethods->xLock(of(f)->real(), kind);
    };
    out.xUnlock = [](sqlite3_file* f, int kind) { return of(f)->real()->pMethods->xUnlock(of(f)->real(), kind); };
    out.xCheckReservedLock = [](sqlite3_file* f, int* held) {
      return of(f)->real()->pMethods->xCheckReservedLock(of(f)->real(), held);
    };
    out.xFileControl = [](sqlite3_file* f, int op, void* arg) {
      return of(f)->real()->pMethods->xFileControl(of(f)->real(), op, arg);
    };
    out.xSectorSize = [](sqlite3_file* f) { return of(f)->real()->pMethods->xSectorSize(of(f)->real()); };
    out.xDeviceCharacteristics = [](sqlite3_file*) { return 0; };
    return out;
  }

  sqlite3_vfs vfs_{};
  Mode mode_ = Mode::fails_once;
  int left_ = -1;
  bool spent_ = false, armed_off_ = false;
  std::map<std::string, State> files_;
};

/// An empty store: made once, copied often.
void empty_store(const std::string& path) {
  static const std::string bytes = [] {
    const Folder folder;
    {
      open_sqlite(folder.file());
    }
    return bytes_of(folder.file());
  }();
  std::ofstream(path, std::ios::binary) << bytes;
}

/// Through the layer, which syncs nothing: hundreds of stores are opened here.
std::unique_ptr<Store> open_fast(const std::string& path) {
  auto store = Sqlite::open(path, {.vfs = FaultyDisk::name});
  if (!store) throw std::runtime_error(store.error().message);
  return std::move(*store);
}

/// A story of some commits, each of two transactions, and what became of each.
class Story {
 public:
  static constexpr int commits = 6;

  explicit Story(Store& store) {
    for (int i = 0; i < commits; ++i)
      tell(store, i);
  }

  void tell(Store& store, int i) {
    std::vector<Transaction> two;
    for (int k = 0; k < 2; ++k)
      two.push_back(of(2 * i + k));
    const std::vector<Outcome> outcomes = store.commit(two);
    for (int k = 0; k < 2; ++k) {
      outcomes_[2 * i + k] = outcomes[static_cast<std::size_t>(k)];
      EXPECT_EQ(outcomes[static_cast<std::size_t>(k)].kind == Outcome::Kind::saved,
                outcomes[static_cast<std::size_t>(k)].why.empty());
    }
  }
  /// Each job has a padded record, so that several pages are written.
  static Transaction of(int number) {
    const std::string job = "job-" + std::to_string(number);
    std::vector<News> records{JobOpened{job, std::string(700, 'n')}, taken(job, "Ollama", 1)};
    for (News& each : switched(job, "Ollama", "OpenAI", 2))
      records.push_back(std::move(each));
    return saves(static_cast<std::uint64_t>(number + 1), std::move(records));
  }

  /// What was acknowledged is there whole, what failed is not there, and the rest is one of both.
  void check(Store& store, Store* who_wrote) const {
    for (const auto& [number, outcome] : outcomes_) {
      const std::string job = "job-" + std::to_string(number);
      const auto records = store.records(job);
      ASSERT_TRUE(records.has_value()) << records.error().message;
      const bool there = !records->empty();
      EXPECT_TRUE(records->empty() || records->size() == 5) << job << " is there in part";
      EXPECT_EQ(store.job(job).value().has_value(), there) << job;
      if (outcome.kind == Outcome::Kind::saved) {
        EXPECT_TRUE(there) << job << " was acknowledged, and is lost";
      }
      if (outcome.kind == Outcome::Kind::failed) {
        EXPECT_FALSE(there) << job << " was said to have failed: " << outcome.why;
      }
      if (outcome.kind == Outcome::Kind::unknown && who_wrote != nullptr) {
        const auto found = who_wrote->contains(SaveId{static_cast<std::uint64_t>(number + 1)});
        ASSERT_TRUE(found.has_value()) << found.error().message;
        EXPECT_EQ(*found, there) << job;
      }
    }
    const auto report = store.verify("");
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_EQ(findings(*report), "");
  }
  bool all_saved() const {
    return std::ranges::all_of(outcomes_, [](const auto& each) { return each.second.kind == Outcome::Kind::saved; });
  }

 private:
  std::map<int, Outcome> outcomes_;
};

using Mode = FaultyDisk::Mode;

class Disk : public testing::TestWithParam<Mode> {};

std::string mode_name(const testing::TestParamInfo<Mode>& info) {
  constexpr std::array names = {"once", "on", "full", "reads"};
  return names[static_cast<std::size_t>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Faults, Disk, testing::Values(Mode::fails_once, Mode::fails_on, Mode::full, Mode::reads_fail),
                         mode_name);

TEST_P(Disk, what_was_acknowledged_survives_a_fault_at_every_step_and_the_store_works_again) {
  int at = 1, faults = 0;
  for (bool came = true; came; ++at) {
    SCOPED_TRACE("fault at step " + std::to_string(at));
    Folder folder;
    empty_store(folder.file());
    FaultyDisk disk;
    auto store = Sqlite::open(folder.file(), {.vfs = FaultyDisk::name});
    ASSERT_TRUE(store.has_value());
    disk.arm(GetParam(), at);
    const Story story(**store);
    came = disk.mend();
    faults += came ? 1 : 0;
    EXPECT_TRUE(came || story.all_saved());
    must(**store, {JobOpened{"afterwards"}});
    story.check(**store, store->get());
    store->reset();
    const auto again = open_fast(folder.file());
    story.check(*again, nullptr);
    EXPECT_TRUE(again->job("afterwards").value());
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(faults, 5);
}

TEST(FullDisk, is_seen_without_writing_to_it) {
  Folder folder;
  empty_store(folder.file());
  FaultyDisk disk;
  auto store = Sqlite::open(folder.file(), {.vfs = FaultyDisk::name});
  ASSERT_TRUE(store.has_value());
  EXPECT_TRUE((*store)->check_writable());
  disk.arm(Mode::full, 1);
  const auto full = (*store)->check_writable();
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::store_unavailable);
  disk.mend();
  EXPECT_TRUE((*store)->check_writable());
  must(**store, {JobOpened{"afterwards"}});
}

TEST(PowerLoss, at_every_step_leaves_what_was_acknowledged_and_nothing_half_written) {
  int faults = 0;
  for (int at = 1;; ++at) {
    SCOPED_TRACE("power lost at step " + std::to_string(at));
    Folder folder;
    empty_store(folder.file());
    FaultyDisk disk;
    auto store = Sqlite::open(folder.file(), {.vfs = FaultyDisk::name});
    ASSERT_TRUE(store.has_value());
    disk.arm(Mode::power_loss, at);
    const Story story(**store);
    store->reset();
    const bool came = disk.mend();
    disk.restart(static_cast<std::uint64_t>(at) * 7919);
    auto again = Sqlite::open(folder.file(), {.vfs = FaultyDisk::name});
    ASSERT_TRUE(again.has_value()) << again.error().message;
    story.check(**again, nullptr);
    must(**again, {JobOpened{"afterwards"}});
    if (testing::Test::HasFailure()) return;
    if (!came) break;
    ++faults;
  }
  EXPECT_GT(faults, 30);
}

TEST(PowerLoss, while_the_file_is_made_leaves_one_that_can_be_made_again) {
  for (int at = 1;; ++at) {
    SCOPED_TRACE("power lost at step " + std::to_string(at));
    Folder folder;
    FaultyDisk disk;
    disk.arm(Mode::power_loss, at);
    const bool made = Sqlite::open(folder.file(), {.vfs = FaultyDisk::name}).has_value();
    const bool came = disk.mend();
    EXPECT_TRUE(made || came);
    disk.restart(static_cast<std::uint64_t>(at) * 104729);
    auto again = Sqlite::open(folder.file(), {.vfs = FaultyDisk::name});
    ASSERT_TRUE(again.has_value()) << again.error().message;
    must(**again, {JobOpened{"job"}});
    if (!came) break;
  }
}

/// The allocator below SQLite: the Nth allocation finds no memory.
struct Allocator {
  static inline sqlite3_mem_methods real{};
  static inline int left = -1;

  static bool fails() { return left >= 0 && left-- == 0; }
  static void install() {
    sqlite3_shutdown();
    sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real);
    sqlite3_mem_methods methods = real;
    methods.xMalloc = [](int bytes) { return fails() ? nullptr : real.xMalloc(bytes); };
    methods.xRealloc = [](void* old, int bytes) { return fails() ? nullptr : real.xRealloc(old, bytes); };
    sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    sqlite3_initialize();
  }
  static void remove() {
    sqlite3_shutdown();
    sqlite3_config(SQLITE_CONFIG_MALLOC, &real);
    sqlite3_initialize();
  }
};

TEST(OutOfMemory, at_any_allocation_is_an_outcome_and_the_store_works_again) {
  Allocator::install();
  constexpr int stride = 23;  // there are thousands of allocations
  int faults = 0;
  for (int at = 0;; at += stride) {
    SCOPED_TRACE("allocation " + std::to_string(at));
    Folder folder;
    empty_store(folder.file());
    FaultyDisk disk;  // so that nothing is synced
    disk.mend();
    Allocator::left = at;
    auto store = Sqlite::open(folder.file(), {.vfs = FaultyDisk::name});
    if (!store.has_value()) {
      EXPECT_NE(store.error().message.find("memory"), std::string::npos) << store.error().message;
      Allocator::left = -1;
      ++faults;
      continue;
    }
    const Story story(**store);
    const auto rows = (*store)->jobs({});
    const bool came = Allocator::left < 0;
    Allocator::left = -1;
    must(**store, {JobOpened{"afterwards"}});
    story.check(**store, store->get());
    if (testing::Test::HasFailure() || !came) break;
    ++faults;
  }
  EXPECT_GT(faults, 20);
  Allocator::remove();
}

}  // namespace
}  // namespace holdfast::store
