#pragma once

#include <functional>
#include <memory>

namespace holdfast::gateway {

/// Threads for the caller's code, which may take long or never return: a task that does delays no other.
///
/// Threads: `post` from anywhere. One is made where a task finds nobody free, and stays. The last moment of a task, the
/// end of what it holds, is on its thread, too.
/// Owns: nothing of its poster's. A task that never ends keeps its thread and what it holds; the crew can be destroyed
/// all the same.
/// Errors: tasks do not throw. Where no thread can be made, those that there are do it, or the next `post` makes one.
/// Limits: `threads_max`; further tasks wait.
class Crew {
 public:
  using Task = std::function<void()>;

  /// `thread_name`: what they are called, at most 15 bytes, of static storage.
  Crew(const char* thread_name, int threads_max);
  /// What has not begun is dropped; what has goes on by itself.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void post(Task task);
  /// Until all that was posted has been done. Not from inside a task.
  void finish();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace holdfast::gateway
