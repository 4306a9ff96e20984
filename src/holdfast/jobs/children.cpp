#include "holdfast/jobs/children.hpp"

#include <signal.h>

#include <chrono>
#include <fstream>
#include <thread>
#include <vector>

#include "holdfast/store/owner.hpp"

namespace holdfast::jobs {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto extension = ".process";
constexpr auto grace = 2s;
constexpr auto look_again = 20ms;

bool there(int group) {
  return ::kill(-group, 0) == 0;
}

/// The group of a note, where it is still the one that was noted.
int noted_group(const fs::path& note) {
  std::ifstream file(note);
  Owner leader;
  if (!(file >> leader.pid >> leader.start_time >> leader.boot_id) || leader.pid <= 1) return 0;
  const int group = static_cast<int>(leader.pid);
  const Owner now = store::process_of(group);
  if (leader.boot_id != now.boot_id) return 0;
  // A number is not given away while its group has members: without a leader, the group is the old one.
  const bool other = now.start_time != 0 && now.start_time != leader.start_time;
  return other || !there(group) ? 0 : group;
}

}  // namespace

void note_child(const fs::path& note, int group) {
  const Owner leader = store::process_of(group);
  std::ofstream(note, std::ios::trunc) << leader.pid << " " << leader.start_time << " " << leader.boot_id << "\n";
}

void end_children(const fs::path& folder) {
  std::error_code ignored;
  std::vector<int> groups;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    if (entry.path().extension() != extension) continue;
    if (const int group = noted_group(entry.path())) groups.push_back(group);
    fs::remove(entry.path(), ignored);
  }
  for (const int group : groups)
    ::kill(-group, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + grace;
  for (const int group : groups) {
    while (there(group) && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(look_again);
    if (there(group)) ::kill(-group, SIGKILL);
  }
}

}  // namespace holdfast::jobs
