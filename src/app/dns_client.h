// Puts questions to the name servers, through c-ares.
//
// What to ask and when says its source; here are only the sockets. One descriptor stands for all of
// them, so that whoever owns the thread can wait for it beside other things, and nothing ever waits
// in here. /etc/hosts is asked first, as everywhere.
// Thread: one, the control thread. Bounds: Options::queries_max questions under way.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "app/question.h"
#include "base/address.h"
#include "base/result.h"
#include "base/time.h"

namespace siplb::app {

class DnsClient {
 public:
  struct Options {
    // Whom to ask, and then exactly by the names given; none: as /etc/resolv.conf says, with its
    // search domains. Read once.
    std::vector<SockAddress> nameservers;
    std::chrono::milliseconds timeout = std::chrono::seconds(1);  // of the first try
    int tries = 2;                                                // of each name server
    size_t queries_max = 32;
  };
  // The source is borrowed.
  [[nodiscard]] static Result<std::unique_ptr<DnsClient>> create(const Options& options,
                                                                 QuestionSource& source);
  ~DnsClient();
  DnsClient(const DnsClient&) = delete;
  DnsClient& operator=(const DnsClient&) = delete;

  // Readable when run() has something to read.
  [[nodiscard]] int descriptor() const;
  // When to call run() at the latest; Instant::max() where nothing will happen by itself.
  [[nodiscard]] Instant next_deadline() const;
  enum class [[nodiscard]] News : uint8_t{Nothing, Answers};
  // Takes what has come, gives up what took too long, asks what is due.
  News run(Instant now);

 private:
  class Impl;  // sockets and c-ares, in dns_client.cpp
  explicit DnsClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace siplb::app
