// Asks the name servers what the names of servers lead to, through c-ares.
//
// app/lookups.h says what to ask and when, and keeps what is known; here are only the sockets. One
// descriptor stands for all of them, so that whoever owns the thread can wait for it beside other
// things, and nothing ever waits in here. /etc/hosts is asked first, as everywhere.
// Thread: one, the control thread; the counters from any. Bounds: those of app/lookups.h, and
// Options::queries_max questions under way.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/lookups.h"
#include "base/result.h"
#include "base/time.h"

namespace siplb::app {

class Resolver {
 public:
  struct Options {
    // Whom to ask, and then exactly by the names given; none: as /etc/resolv.conf says, with its
    // search domains. Read once.
    std::vector<SockAddress> nameservers;
    std::chrono::milliseconds timeout = std::chrono::seconds(1);  // of the first try
    int tries = 2;                                                // of each name server
    size_t queries_max = 32;
  };
  [[nodiscard]] static Result<std::unique_ptr<Resolver>> create(const Options& options);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // As Lookups::set_names(): what is known of names that stay is kept.
  void set_names(std::vector<HostName> names);
  // True once each name has been asked for: waiting longer brings nothing new.
  [[nodiscard]] bool is_settled() const;
  // As Lookups::addresses().
  [[nodiscard]] std::optional<std::vector<NamedAddress>> addresses(size_t name) const;
  [[nodiscard]] const LookupCounters& counters() const;

  // Readable when run() has something to read.
  [[nodiscard]] int descriptor() const;
  // When to call run() at the latest; Instant::max() where nothing will happen by itself.
  [[nodiscard]] Instant next_deadline() const;
  enum class [[nodiscard]] News : uint8_t{Nothing, Answers};
  // Takes what has come, gives up what took too long, asks what is due.
  News run(Instant now);

 private:
  class Impl;  // sockets and c-ares, in resolver.cpp
  explicit Resolver(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace siplb::app
