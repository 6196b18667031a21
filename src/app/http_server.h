// The metrics address: /metrics, /healthz and /readyz over HTTP, read-only.
//
// By cpp-httplib; a small pool of its threads, none of them a worker's.
// One request per connection, no bodies, short timeouts: nobody holds a thread for long.
// Thread: any, synchronised inside. Bounds: kHttpThreads requests at a time; kHttpTimeout of
// silence.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/address.h"
#include "base/result.h"
#include "base/time.h"

namespace siplb::app {

inline constexpr size_t kHttpThreads = 2;
inline constexpr std::chrono::milliseconds kHttpTimeout{500};

class HttpServer {
 public:
  // Listens at once; `scrape` makes the text of /metrics, on the pool's threads.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(
      const SockAddress& address, std::function<std::string()> scrape);
  // Ends the pool, and waits as long as that takes: see stop().
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // As bound: port 0 has become a real one.
  [[nodiscard]] const SockAddress& address() const;

  // Takes no more requests and ends the pool. False where a client holds it beyond `grace`, say by
  // sending an octet now and then: then only the end of the process frees its thread.
  [[nodiscard]] bool stop(Duration grace);

  enum class Readiness : uint8_t { NotReady, Ready };
  // What /readyz says: 503 or 200. NotReady at first.
  void set_readiness(Readiness readiness);

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace siplb::app
