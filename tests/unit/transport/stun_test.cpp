#include "transport/stun.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>

namespace siplb::transport {
namespace {

using namespace std::string_literals;

const std::string kCookie = "\x21\x12\xa4\x42";
const std::string kTransaction = "\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";

std::string number(size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::string attribute(size_t type, const std::string& value) {
  std::string text = number(type) + number(value.size()) + value;
  return text.append((4 - text.size() % 4) % 4, '\0');
}

std::string request(const std::string& attributes = {}) {
  return "\x00\x01"s + number(attributes.size()) + kCookie + kTransaction + attributes;
}

// The answer to what lies in a block of exactly its size.
std::string answer(const std::string& text, const SockAddress& source) {
  const auto block = std::make_unique<char[]>(text.size());
  text.copy(block.get(), text.size());
  const std::string_view datagram(block.get(), text.size());
  EXPECT_TRUE(is_stun_request(datagram));
  std::array<char, kStunResponseOctetsMax> area;
  return std::string(write_stun_response(datagram, source, area));
}

const SockAddress kV4 = *SockAddress::parse("192.0.2.1:32853");
const SockAddress kV6 = *SockAddress::parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853");

// The addresses and their masks are those of RFC 5769, 2.2 and 2.3.
const std::string kMappedV4 = "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"s;
const std::string kMappedV6 =
    "\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9"
    "\xd9"s;

std::string success(const std::string& attributes) {
  return "\x01\x01"s + number(attributes.size()) + kCookie + kTransaction + attributes;
}

TEST(StunTest, TellsTheAddressThatARequestCameFrom) {
  EXPECT_EQ(answer(request(), kV4), success(kMappedV4));
  EXPECT_EQ(answer(request(), kV6), success(kMappedV6));
}

TEST(StunTest, IgnoresAttributesThatItMay) {
  const std::string attributes = attribute(0x8022, "softphone") + attribute(0x0006, "user") +
                                 attribute(0x0008, std::string(20, 'x')) +
                                 attribute(0x8028, "1234") + attribute(0xffff, "");
  EXPECT_EQ(answer(request(attributes), kV4), success(kMappedV4));
}

TEST(StunTest, RefusesAttributesThatItWouldHaveToKnow) {
  const auto refusal = [](const std::string& list, const std::string& padding) {
    const std::string attributes =
        "\x00\x09\x00\x04\x00\x00\x04\x14\x00\x0a"s + number(list.size()) + list + padding;
    return "\x01\x11"s + number(attributes.size()) + kCookie + kTransaction + attributes;
  };
  EXPECT_EQ(answer(request(attribute(0x0003, "\0\0\0\6"s)), kV4), refusal("\0\3"s, "\0\0"s));
  EXPECT_EQ(
      answer(request(attribute(0x0002, "a") + attribute(0x8022, "b") + attribute(0x7fff, "")), kV6),
      refusal("\0\2\x7f\xff"s, ""));
}

TEST(StunTest, ListsNoMoreThanEightUnknownAttributes) {
  std::string attributes;
  for (size_t i = 0; i < 8; ++i) attributes += attribute(0x7f00 + i, "");
  const std::string eight = answer(request(attributes), kV4);
  EXPECT_EQ(eight.size(), kStunResponseOctetsMax);
  EXPECT_EQ(answer(request(attributes + attribute(0x7f08, "")), kV4), eight);
}

TEST(StunTest, AmplifiesByLessThanOneAndAHalfWithHeaders) {
  struct Row {
    std::string request;
    SockAddress source;
    size_t headers;  // of IP and UDP
  };
  for (const Row& row : {Row{request(), kV4, 28}, Row{request(), kV6, 48},
                         Row{request(attribute(0x7f00, "")), kV4, 28}}) {
    const size_t answered = answer(row.request, row.source).size() + row.headers;
    EXPECT_LE(answered * 5, (row.request.size() + row.headers) * 7);
  }
}

TEST(StunTest, SaysNothingToAttributesBeyondTheEnd) {
  const std::string cut = number(0x8022) + number(5) + "soft";
  EXPECT_EQ(answer(request(cut), kV4), "");
  EXPECT_EQ(answer(request(attribute(0x8022, "soft") + cut), kV4), "");
  EXPECT_EQ(answer(request(number(0x8022) + number(65535)), kV4), "");
}

TEST(StunTest, TakesNothingElseForARequest) {
  EXPECT_TRUE(is_stun_request(request()));
  for (size_t length = 0; length < request().size(); ++length) {
    EXPECT_FALSE(is_stun_request(request().substr(0, length))) << length;
  }
  const auto with = [](size_t at, char octet) {
    std::string text = request(attribute(0x8022, "soft"));
    text[at] = octet;
    return text;
  };
  EXPECT_TRUE(is_stun_request(with(1, '\x01')));
  EXPECT_FALSE(is_stun_request(with(0, '\x40')));  // no STUN
  EXPECT_FALSE(is_stun_request(with(0, '\x01')));  // a response
  EXPECT_FALSE(is_stun_request(with(1, '\x11')));  // an indication
  EXPECT_FALSE(is_stun_request(with(3, '\x04')));  // less than the rest
  EXPECT_FALSE(is_stun_request(with(3, '\x0c')));  // more than the rest
  EXPECT_FALSE(is_stun_request(with(7, '\x43')));  // as of RFC 3489
  EXPECT_FALSE(is_stun_request("\x00\x01\x00\x01"s + kCookie + kTransaction + "x"));
  EXPECT_FALSE(is_stun_request("OPTIONS sip:a@b SIP/2.0\r\n"));
}

}  // namespace
}  // namespace siplb::transport
