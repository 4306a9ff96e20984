#include "holdfast/store/owner.hpp"

#include <unistd.h>

#include <charconv>
#include <fstream>
#include <iterator>

namespace holdfast::store {
namespace {

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

/// Field 22 of /proc/PID/stat; 0 where there is no such process. A zombie runs no longer.
std::uint64_t start_time(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string stat{std::istreambuf_iterator<char>(file), {}};
  // The program's name in parentheses may hold blanks and parentheses of its own.
  std::size_t at = stat.rfind(')');
  if (at == std::string::npos || at + 2 >= stat.size() || stat[at + 2] == 'Z' || stat[at + 2] == 'X') return 0;
  for (int field = 2; field < 22 && at != std::string::npos; ++field)
    at = stat.find(' ', at + 1);
  if (at == std::string::npos) return 0;
  std::uint64_t ticks = 0;
  std::from_chars(stat.data() + at + 1, stat.data() + stat.size(), ticks);
  return ticks;
}

}  // namespace

Owner this_process(std::string program, std::string socket) {
  Owner owner = process_of(::getpid());
  owner.socket = std::move(socket);
  owner.program = std::move(program);
  return owner;
}

Owner process_of(std::int64_t pid) {
  return {.pid = pid, .start_time = start_time(pid), .boot_id = boot_id()};
}

bool alive(const Owner& owner) {
  if (owner.pid <= 0 || owner.boot_id != boot_id()) return false;
  const std::uint64_t start = start_time(owner.pid);
  return start != 0 && start == owner.start_time;
}

bool same_process(const Owner& a, const Owner& b) {
  return a.pid == b.pid && a.start_time == b.start_time && a.boot_id == b.boot_id;
}

std::string text(const Owner& owner) {
  std::string out = "process " + std::to_string(owner.pid);
  if (owner.program.empty() && owner.socket.empty()) return out;
  out += " (" + (owner.program.empty() ? std::string("a program") : owner.program);
  if (!owner.socket.empty()) out += ", socket " + owner.socket;
  return out + ")";
}

}  // namespace holdfast::store
