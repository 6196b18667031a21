#include "net/packet_info.h"

#include <cstring>
#include <string_view>

namespace siplb::net {
namespace {

template <typename Info>
Info info_of(const cmsghdr& control) {
  Info info;
  std::memcpy(&info, CMSG_DATA(&control), sizeof info);
  return info;
}

template <typename Info>
void set_info(msghdr& outgoing, PacketInfoRoom& room, int level, int type, const Info& info) {
  static_assert(CMSG_SPACE(sizeof info) <= sizeof room.octets);
  outgoing.msg_control = room.octets.data();
  outgoing.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr& control = *CMSG_FIRSTHDR(&outgoing);
  control.cmsg_level = level;
  control.cmsg_type = type;
  control.cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(&control), &info, sizeof info);
}

}  // namespace

SockAddress packet_info_of(const msghdr& received) {
  const cmsghdr* const control = CMSG_FIRSTHDR(&received);
  if (control == nullptr) return {};
  if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
    // Not ipi_addr: of a broadcast that is the address that it was sent to.
    return SockAddress::v4(ntohl(info_of<in_pktinfo>(*control).ipi_spec_dst.s_addr), 0);
  }
  if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
    const in6_addr address = info_of<in6_pktinfo>(*control).ipi6_addr;
    if (IN6_IS_ADDR_MULTICAST(&address)) return {};
    return SockAddress::v6(std::to_array(address.s6_addr), 0);
  }
  return {};
}

void set_packet_info(msghdr& outgoing, PacketInfoRoom& room, const SockAddress& local) {
  const std::string_view ip = local.ip_octets();
  if (local.is_v6()) {
    in6_pktinfo info{};
    std::memcpy(&info.ipi6_addr, ip.data(), sizeof info.ipi6_addr);
    set_info(outgoing, room, IPPROTO_IPV6, IPV6_PKTINFO, info);
  } else {
    in_pktinfo info{};
    std::memcpy(&info.ipi_spec_dst, ip.data(), sizeof info.ipi_spec_dst);
    set_info(outgoing, room, IPPROTO_IP, IP_PKTINFO, info);
  }
}

}  // namespace siplb::net
