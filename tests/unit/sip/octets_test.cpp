#include "sip/octets.h"

#include <memory>

#include <gtest/gtest.h>

namespace siplb::sip {
namespace {

TEST(OctetsTest, NumbersAreWrittenWithTheHighestOctetFirst) {
  OctetWriter<15> out;
  out.put(uint8_t{0x01});
  out.put(uint16_t{0x0203});
  out.put<uint32_t, 3>(0x99040506);
  out.put(uint64_t{0x0708090a0b0c0d0e});
  out.put_octets("\x0f");
  EXPECT_EQ(as_text(out.octets()), "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f");
}

TEST(OctetsTest, WhatWasWrittenIsRead) {
  OctetWriter<13> out;
  out.put(uint32_t{0xfffefdfc});
  out.put<uint32_t, 3>(0x010203);
  out.put(uint16_t{5060});
  out.put_octets("abcd");

  OctetReader reader(out.octets());
  EXPECT_EQ(reader.take<uint32_t>(), 0xfffefdfc);
  EXPECT_EQ((reader.take<uint32_t, 3>()), 0x010203u);
  EXPECT_EQ(reader.take<uint16_t>(), 5060);
  EXPECT_EQ(as_text(reader.take_octets(4)), "abcd");
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.remaining(), 0u);
}

TEST(OctetsTest, ReadingStopsAtTheEndAndSaysSo) {
  const auto block = std::make_unique<uint8_t[]>(3);
  OctetReader reader({block.get(), 3});
  EXPECT_EQ(reader.take<uint32_t>(), 0u);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.remaining(), 3u);
  EXPECT_EQ(reader.take_octets(3).size(), 3u);
  EXPECT_FALSE(reader.ok());
}

TEST(OctetsTest, NothingCanBeReadFromNothing) {
  OctetReader reader({});
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.take<uint8_t>(), 0);
  EXPECT_FALSE(reader.ok());
}

TEST(OctetsDeathTest, WritingBeyondTheCapacityDies) {
  OctetWriter<1> out;
  EXPECT_DEATH(out.put(uint16_t{1}), "assertion failed");
  EXPECT_DEATH(out.put_octets("ab"), "assertion failed");
}

}  // namespace
}  // namespace siplb::sip
