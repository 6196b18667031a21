#include "net/packet_info.h"

#include <cstring>
#include <string_view>

#include <gtest/gtest.h>

namespace siplb::net {
namespace {

SockAddress ip(std::string_view text) {
  return *SockAddress::parse_ip(text, 0);
}

TEST(PacketInfoTest, IsNothingWithoutAControlMessage) {
  EXPECT_EQ(packet_info_of({}), SockAddress());
}

TEST(PacketInfoTest, IsNothingWhereTheControlMessageIsAnother) {
  PacketInfoRoom room;
  msghdr header{};
  set_packet_info(header, room, ip("192.0.2.1"));
  CMSG_FIRSTHDR(&header)->cmsg_type = IP_TTL;
  EXPECT_EQ(packet_info_of(header), SockAddress());
  CMSG_FIRSTHDR(&header)->cmsg_type = IP_PKTINFO;
  CMSG_FIRSTHDR(&header)->cmsg_level = SOL_SOCKET;
  EXPECT_EQ(packet_info_of(header), SockAddress());
}

TEST(PacketInfoTest, SaysWhatWasSetWithoutThePort) {
  for (const char* text : {"192.0.2.1", "2001:db8::1"}) {
    PacketInfoRoom room;
    msghdr header{};
    set_packet_info(header, room, ip(text).with_port(5060));
    EXPECT_EQ(packet_info_of(header), ip(text)) << text;
  }
}

TEST(PacketInfoTest, NamesNoInterface) {
  PacketInfoRoom room;
  std::memset(room.octets.data(), 0xFF, room.octets.size());
  msghdr header{};
  set_packet_info(header, room, ip("192.0.2.1"));
  in_pktinfo v4;
  std::memcpy(&v4, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof v4);
  EXPECT_EQ(v4.ipi_ifindex, 0);
  set_packet_info(header, room, ip("2001:db8::1"));
  in6_pktinfo v6;
  std::memcpy(&v6, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof v6);
  EXPECT_EQ(v6.ipi6_ifindex, 0U);
}

TEST(PacketInfoTest, LeavesOutMulticastSinceNobodyAnswersFromThere) {
  PacketInfoRoom room;
  msghdr header{};
  set_packet_info(header, room, ip("ff02::1"));
  EXPECT_EQ(packet_info_of(header), SockAddress());
}

}  // namespace
}  // namespace siplb::net
