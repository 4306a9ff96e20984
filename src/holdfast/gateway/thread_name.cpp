#include "holdfast/gateway/thread_name.hpp"

#include <pthread.h>

namespace holdfast {

void name_this_thread(const char* name) {
#ifdef __linux__
  ::pthread_setname_np(::pthread_self(), name);
#else
  (void)name;  // no two systems do it alike
#endif
}

}  // namespace holdfast
