#include "app/http_loop.h"

#include <httplib.h>

namespace siplb::app {

HttpLoop::~HttpLoop() {
  server_.stop();
  if (thread_.joinable()) thread_.join();
}

void HttpLoop::start() {
  thread_ = std::thread([this] {
    server_.listen_after_bind();  // returns when all requests have ended
    const std::lock_guard lock(mutex_);
    has_ended_ = true;
    news_.notify_all();
  });
  // A stop() before the loop runs would be lost.
  while (!server_.is_running() && !has_ended()) std::this_thread::yield();
}

bool HttpLoop::stop(Duration grace) {
  server_.stop();
  std::unique_lock lock(mutex_);
  return news_.wait_for(lock, grace, [this] { return has_ended_; });
}

bool HttpLoop::has_ended() {
  const std::lock_guard lock(mutex_);
  return has_ended_;
}

}  // namespace siplb::app
