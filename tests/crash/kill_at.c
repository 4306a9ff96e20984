/* Preloaded into the real program: kills it with SIGKILL at the moment that HOLDFAST_KILL_AT names.
 *
 *   HOLDFAST_KILL_AT=fdatasync:3:before    the third fdatasync, instead of it
 *   HOLDFAST_KILL_AT=rename:1:after        behind the first rename
 *
 * Only in the process that HOLDFAST_KILL_IN names by its program's name: children are left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_int seen;

static void at(const char *call, const char *when) {
  const char *wanted = getenv("HOLDFAST_KILL_AT");
  const char *program = getenv("HOLDFAST_KILL_IN");
  if (wanted == NULL || program == NULL || strcmp(program, program_invocation_short_name) != 0) return;
  const size_t length = strlen(call);
  if (strncmp(wanted, call, length) != 0 || wanted[length] != ':') return;
  char *rest = NULL;
  const long number = strtol(wanted + length + 1, &rest, 10);
  if (rest == NULL || strcmp(rest + 1, when) != 0) return;
  if (atomic_fetch_add(&seen, 1) + 1 == number) kill(getpid(), SIGKILL);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int fdatasync(int fd) {
  at("fdatasync", "before");
  const int result = REAL(fdatasync)(fd);
  at("fdatasync", "after");
  return result;
}

int fsync(int fd) {
  at("fsync", "before");
  const int result = REAL(fsync)(fd);
  at("fsync", "after");
  return result;
}

int ftruncate64(int fd, off64_t size) {
  at("ftruncate", "before");
  const int result = REAL(ftruncate64)(fd, size);
  at("ftruncate", "after");
  return result;
}

int ftruncate(int fd, off_t size) {
  at("ftruncate", "before");
  const int result = REAL(ftruncate)(fd, size);
  at("ftruncate", "after");
  return result;
}

int rename(const char *from, const char *to) {
  at("rename", "before");
  const int result = REAL(rename)(from, to);
  at("rename", "after");
  return result;
}

/* What the program says on its stdout is an acknowledgement: a line, then a flush. */
int fflush(FILE *stream) {
  if (stream == stdout) at("say", "before");
  const int result = REAL(fflush)(stream);
  if (stream == stdout) at("say", "after");
  return result;
}
