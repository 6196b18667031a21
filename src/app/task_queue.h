// Work for one thread, done one by one in the order in which others have asked for it.
//
// Thread: any, synchronised inside; drain() is the one thread's. Bounds: whoever asks waits, so
// there is a task per asking thread; posted ones are few by their nature.
#pragma once

#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace siplb::app {

class TaskQueue {
 public:
  using Task = std::function<void()>;

  // `wake` makes the thread look again, from whichever thread it is called.
  explicit TaskQueue(std::function<void()> wake) : wake_(std::move(wake)) {}

  // False where the queue is closed: then the task is never done.
  [[nodiscard]] bool post(Task task);

  // Waits for what `work` returns; nothing where the queue is closed. An exception of `work` comes
  // out here. Requires: not from a task.
  template <class Work>
  [[nodiscard]] std::optional<std::invoke_result_t<Work&>> ask(Work work) {
    using Asked = std::packaged_task<std::invoke_result_t<Work&>()>;
    const auto task = std::make_shared<Asked>(std::ref(work));
    auto result = task->get_future();
    if (!post([task] { (*task)(); })) return std::nullopt;
    return result.get();
  }

  // Does all that waits. False once the queue is closed and empty.
  [[nodiscard]] bool drain();
  // No more tasks. Those that are there are still done.
  void close();

 private:
  std::function<void()> wake_;
  std::mutex mutex_;
  std::deque<Task> tasks_;  // under mutex_
  bool is_closed_ = false;  // under mutex_
};

}  // namespace siplb::app
