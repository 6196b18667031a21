#include "load/stop_signals.h"

#include <csignal>

#include <sys/signalfd.h>
#include <unistd.h>

namespace siplb::load {

Result<std::unique_ptr<StopSignals>> StopSignals::watch(net::EventLoop& loop) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  net::FileDescriptor fd(signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd.is_open()) return system_error(ErrorCode::EventFdOpen);
  const int number = fd.get();
  std::unique_ptr<StopSignals> stop(new StopSignals(loop, std::move(fd)));
  const Result<void> added = loop.add(number, net::kReadable, *stop);
  if (!added) return tl::unexpected<Error>(added.error());
  return stop;
}

StopSignals::~StopSignals() {
  if (is_watched()) loop_.remove(*this);
}

net::Events StopSignals::on_ready(net::Events /*events*/, Instant /*now*/) {
  signalfd_siginfo info;
  while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) ++count_;
  return 0;
}

}  // namespace siplb::load
