#include "app/signals.h"

#include <csignal>

#include <sys/signalfd.h>
#include <unistd.h>

namespace siplb::app {

Result<Signals> Signals::block() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  net::FileDescriptor fd(signalfd(-1, &set, SFD_CLOEXEC));
  if (!fd.is_open()) return system_error(ErrorCode::SignalSetUp);
  return Signals(std::move(fd));
}

Signal Signals::wait() const {
  signalfd_siginfo info{};
  while (read(fd_.get(), &info, sizeof info) != sizeof info) {
  }
  return info.ssi_signo == SIGHUP ? Signal::Reload : Signal::Terminate;
}

}  // namespace siplb::app
