// As long as it lives, no file of this process grows beyond so many octets: a disk that is full.
#pragma once

#include <csignal>

#include <sys/resource.h>

namespace siplb::test {

class TightFiles {
 public:
  explicit TightFiles(rlim_t octets) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit tight{.rlim_cur = octets, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &tight);
  }
  ~TightFiles() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  TightFiles(const TightFiles&) = delete;
  TightFiles& operator=(const TightFiles&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

}  // namespace siplb::test
