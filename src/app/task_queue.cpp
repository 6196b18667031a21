#include "app/task_queue.h"

namespace siplb::app {

bool TaskQueue::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    if (is_closed_) return false;
    tasks_.push_back(std::move(task));
  }
  wake_();
  return true;
}

bool TaskQueue::drain() {
  std::unique_lock lock(mutex_);
  while (!tasks_.empty()) {
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
  return !is_closed_;
}

void TaskQueue::close() {
  {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
  }
  wake_();
}

}  // namespace siplb::app
