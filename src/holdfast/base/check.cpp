#include "holdfast/base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace holdfast {

void check_failed(const char* file, int line, const char* condition, const char* why) {
  std::fprintf(stderr, "holdfast: %s:%d: broken invariant: %s (%s)\n", file, line, why, condition);
  std::abort();
}

}  // namespace holdfast
