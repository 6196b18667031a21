#include "app/kept_listeners.h"

#include <cerrno>
#include <cstring>
#include <set>
#include <string>

namespace siplb::app {
namespace {

using Names = std::set<std::string>;

Names names_of(const std::vector<StoredSocket>& sockets) {
  Names names;
  for (const StoredSocket& socket : sockets) names.insert(socket.name);
  return names;
}

}  // namespace

StartResult<std::vector<transport::ListenerSockets>> open_kept_listeners(
    const ListenersToOpen& listeners, net::InheritedSockets left, const Systemd& systemd,
    observe::EventLog& log) {
  const std::vector<std::string> all = left.names();
  Names leftovers(all.begin(), all.end());
  auto adopted = adopt_listeners(listeners, left);
  const Names kept = names_of(stored_sockets(listeners.wanted, adopted));
  for (const std::string& name : kept) leftovers.erase(name);
  left = net::InheritedSockets();
  for (const std::string& name : leftovers) systemd.drop(name);
  if (!leftovers.empty()) systemd.settle();

  auto opened = open_listeners(listeners, std::move(adopted), log);
  if (!opened) return opened;
  for (const StoredSocket& socket : stored_sockets(listeners.wanted, *opened)) {
    if (kept.contains(socket.name) || systemd.keep(socket.name, {&socket.fd, 1})) continue;
    log.write(observe::LogLevel::Warning, "socket not kept",
              {{"name", socket.name}, {"reason", std::strerror(errno)}});
  }
  return opened;
}

}  // namespace siplb::app
