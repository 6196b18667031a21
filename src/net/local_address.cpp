#include "net/local_address.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <ifaddrs.h>
#include <sys/socket.h>

#include "net/file_descriptor.h"

namespace siplb::net {
namespace {

struct InterfaceAddress {
  std::string_view interface;
  SockAddress address;
  SockAddress mask;
};

SockAddress address_at(const sockaddr* native) {
  if (native == nullptr) return {};
  sockaddr_storage storage{};
  if (native->sa_family == AF_INET) {
    std::memcpy(&storage, native, sizeof(sockaddr_in));
  } else if (native->sa_family == AF_INET6) {
    std::memcpy(&storage, native, sizeof(sockaddr_in6));
  }
  return SockAddress::from(storage);
}

// Calls `take` for each address of this host, with its interface.
template <class Take>
void for_each_address(Take&& take) {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, freeifaddrs);
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    const SockAddress address = address_at(at->ifa_addr);
    if (address.family() == SockAddress::Family::None) continue;
    take(InterfaceAddress{at->ifa_name, address, address_at(at->ifa_netmask)});
  }
}

bool is_in_network(const SockAddress& address, const InterfaceAddress& network) {
  const std::string_view a = address.ip_octets();
  const std::string_view b = network.address.ip_octets();
  const std::string_view mask = network.mask.ip_octets();
  if (a.size() != b.size() || a.size() != mask.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (((a[i] ^ b[i]) & mask[i]) != 0) return false;
  }
  return true;
}

}  // namespace

SockAddress source_towards(const SockAddress& remote) {
  // To connect a datagram socket is to look up the route, and to bind to the address it prefers.
  const FileDescriptor fd(
      ::socket(remote.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_storage native;
  const socklen_t remote_length = remote.to(native);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&native), remote_length) != 0) {
    return {};
  }
  sockaddr_storage source{};
  socklen_t length = sizeof source;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&source), &length) != 0) return {};
  return SockAddress::from(source).with_port(0);
}

bool is_on_way(const SockAddress& local, const SockAddress& remote) {
  const SockAddress source = source_towards(remote);
  // Names die with the list, so both are looked up in one pass over two short lists.
  std::vector<std::string> ways;
  std::vector<std::string> homes;
  for_each_address([&](const InterfaceAddress& each) {
    if (each.address.same_ip(source)) ways.emplace_back(each.interface);
    if (is_in_network(local, each)) homes.emplace_back(each.interface);
  });
  return std::find_first_of(ways.begin(), ways.end(), homes.begin(), homes.end()) != ways.end();
}

bool is_on_host(const SockAddress& address) {
  bool found = false;
  for_each_address([&](const InterfaceAddress& each) { found |= each.address.same_ip(address); });
  return found;
}

}  // namespace siplb::net
