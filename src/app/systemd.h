// What siplbd and the service manager say to each other: readiness, watchdog, descriptor store.
//
// The only user of libsystemd's notify interface (sd_notify(3)). Descriptors that are kept come
// back to the next process in LISTEN_FDS (net/inherited_sockets.h), after a restart and after a
// crash. A name may be kept more than once, and then comes back more than once: whoever opens anew
// what an earlier process may have kept drops the name first. Where nobody manages us (no
// NOTIFY_SOCKET) all of it does nothing. Thread: any, immutable once built. Bounds: no memory of
// its own; a manager that does not read blocks the caller.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>

namespace siplb::app {

class Systemd {
 public:
  // Reads the environment, which may not change afterwards.
  Systemd();

  [[nodiscard]] bool is_present() const { return is_present_; }
  // How long without alive() the manager waits before it ends this process; nothing where it does
  // not watch it.
  [[nodiscard]] std::optional<std::chrono::microseconds> watchdog_period() const {
    return watchdog_period_;
  }

  // After the start, and after reloading() whatever came of it.
  void ready() const;
  void reloading() const;
  void stopping() const;
  void alive() const;
  // One line for people.
  void status(std::string_view text) const;

  // Keeps the descriptors under that name for the next process; our copies may be closed
  // afterwards. They stay when the peer or the network makes them readable, broken or hung up
  // (FDPOLL=0): else one ICMP error would cost a UDP socket. False where the manager was not
  // reached, and errno says why; it does not say whether it had room. Requires: at most 253, what
  // one message carries.
  [[nodiscard]] bool keep(std::string_view name, std::span<const int> fds) const;
  // Closes what is kept under that name.
  void drop(std::string_view name) const;
  // Waits until the manager has done all it was told, `limit` at most: what was dropped is closed.
  // Without its word we go on: at worst a port is still taken.
  static constexpr std::chrono::milliseconds kSettleTime{1000};
  void settle(std::chrono::milliseconds limit = kSettleTime) const;

 private:
  bool is_present_ = false;
  std::optional<std::chrono::microseconds> watchdog_period_;
};

}  // namespace siplb::app
