#include "app/signals.h"

#include <algorithm>
#include <climits>
#include <csignal>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace siplb::app {
namespace {

// As poll() takes it: rounded up, -1 for no limit.
int milliseconds_until(std::optional<Instant> deadline) {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, INT_MAX));
}

}  // namespace

Result<Signals> Signals::block() {
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  net::FileDescriptor fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.is_open()) return system_error(ErrorCode::SignalSetUp);
  return Signals(std::move(fd));
}

std::optional<Signal> Signals::wait(std::optional<Instant> deadline) const {
  do {
    signalfd_siginfo info{};
    if (read(fd_.get(), &info, sizeof info) == sizeof info) {
      return info.ssi_signo == SIGHUP ? Signal::Reload : Signal::Terminate;
    }
    pollfd readable{.fd = fd_.get(), .events = POLLIN, .revents = 0};
    poll(&readable, 1, milliseconds_until(deadline));
  } while (!deadline || Clock::now() < *deadline);
  return std::nullopt;
}

}  // namespace siplb::app
