// A thread that a HTTP server of cpp-httplib listens on.
//
// Thread: one, whoever starts and stops it.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/time.h"

namespace httplib {
class Server;
}

namespace siplb::app {

class HttpLoop {
 public:
  // The server is borrowed.
  explicit HttpLoop(httplib::Server& server) : server_(server) {}
  // Ends the server, and waits as long as that takes: see stop().
  ~HttpLoop();
  HttpLoop(const HttpLoop&) = delete;
  HttpLoop& operator=(const HttpLoop&) = delete;

  // Returns when the server takes requests. Requires: it is bound; once.
  void start();
  // Takes no more requests. False where one under way has not ended within `grace`.
  [[nodiscard]] bool stop(Duration grace);

 private:
  [[nodiscard]] bool has_ended();

  httplib::Server& server_;
  std::mutex mutex_;
  std::condition_variable news_;
  bool has_ended_ = false;  // under mutex_
  std::thread thread_;
};

}  // namespace siplb::app
