#include "app/systemd.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <systemd/sd-daemon.h>

#include "base/time.h"

namespace siplb::app {
namespace {

// True where there is nobody to tell as well.
bool tell(const std::string& what, std::span<const int> fds = {}) {
  const int told = sd_pid_notify_with_fds(0, /*unset_environment=*/0, what.c_str(), fds.data(),
                                          static_cast<unsigned>(fds.size()));
  if (told < 0) errno = -told;
  return told >= 0;
}

// Each line is an assignment of its own.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return line;
}

}  // namespace

Systemd::Systemd() {
  const char* socket = std::getenv("NOTIFY_SOCKET");
  is_present_ = socket != nullptr && *socket != '\0';
  uint64_t period_us = 0;
  // Says no as well where WATCHDOG_PID names another process.
  if (is_present_ && sd_watchdog_enabled(/*unset_environment=*/0, &period_us) > 0) {
    watchdog_period_ = std::chrono::microseconds(period_us);
  }
}

void Systemd::ready() const {
  tell("READY=1");
}

// The instant tells systemd 253 and later that this reload is the one it asked for.
void Systemd::reloading() const {
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch());
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
}

void Systemd::stopping() const {
  tell("STOPPING=1");
}

void Systemd::alive() const {
  tell("WATCHDOG=1");
}

void Systemd::status(std::string_view text) const {
  tell("STATUS=" + one_line(text));
}

bool Systemd::keep(std::string_view name, std::span<const int> fds) const {
  return tell("FDSTORE=1\nFDPOLL=0\nFDNAME=" + std::string(name), fds);
}

void Systemd::drop(std::string_view name) const {
  tell("FDSTOREREMOVE=1\nFDNAME=" + std::string(name));
}

void Systemd::settle(std::chrono::milliseconds limit) const {
  sd_notify_barrier(/*unset_environment=*/0,
                    static_cast<uint64_t>(std::chrono::microseconds(limit).count()));
}

}  // namespace siplb::app
