#pragma once

/// Broken invariants stop the process, release builds too: going on would put a wrong decision on the record.
namespace holdfast {

/// Prints the place and the condition to stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* condition, const char* why);

}  // namespace holdfast

/// For bugs only. What the environment or a user can cause is an outcome, never a check.
#define HOLDFAST_CHECK(condition, why) \
  (__builtin_expect(!!(condition), 1) ? void(0) : ::holdfast::check_failed(__FILE__, __LINE__, #condition, why))
