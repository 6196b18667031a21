#include "sip/sent_by.h"

#include <gtest/gtest.h>

#include "unit/sip/parsed_via.h"

namespace siplb::sip {
namespace {

uint64_t hash_of(const SentBy& value) {
  KeyedHash hash(HashKey{}, HashPurpose::Via);
  add_sent_by(hash, value);
  return hash.digest64();
}

uint64_t hash_of(std::string_view text) {
  return hash_of(sent_by(text, Transport::Udp));
}

TEST(SentByTest, TakesHostAndPortApart) {
  struct Case {
    std::string_view text;
    Transport transport;
    std::string_view host;
    uint16_t port;
  };
  for (const Case& row : {
           Case{"lb.example.com", Transport::Udp, "lb.example.com", 5060},
           Case{"lb.example.com", Transport::Tls, "lb.example.com", 5061},
           Case{"lb.example.com:5070", Transport::Tls, "lb.example.com", 5070},
           Case{"192.0.2.1:5060", Transport::Udp, "192.0.2.1", 5060},
           Case{"[2001:db8::1]", Transport::Udp, "[2001:db8::1]", 5060},
           Case{"[2001:db8::1]:5070", Transport::Udp, "[2001:db8::1]", 5070},
       }) {
    const SentBy value = sent_by(row.text, row.transport);
    EXPECT_EQ(value.host, row.host) << row.text;
    EXPECT_EQ(value.port, row.port) << row.text;
  }
}

TEST(SentByTest, AViaAndOurOwnTextOfItHashAlike) {
  EXPECT_EQ(hash_of(sent_by(parsed_via("SIP/2.0/UDP lb.example.com;branch=z9hG4bKx"))),
            hash_of("lb.example.com"));
  EXPECT_EQ(hash_of(sent_by(parsed_via("SIP/2.0/TLS lb.example.com;branch=z9hG4bKx"))),
            hash_of(sent_by("lb.example.com:5061", Transport::Tls)));
}

TEST(SentByTest, SpellingsOfOneSentByHashAlike) {
  EXPECT_EQ(hash_of("lb.example.com"), hash_of("LB.Example.COM"));
  EXPECT_EQ(hash_of("lb.example.com"), hash_of("lb.example.com:5060"));
  EXPECT_EQ(hash_of("[2001:db8::1]"), hash_of("[2001:DB8:0:0::0001]:5060"));
}

TEST(SentByTest, OtherSentBysHashOtherwise) {
  EXPECT_NE(hash_of("lb.example.com"), hash_of("lb.example.org"));
  EXPECT_NE(hash_of("lb.example.com"), hash_of("lb.example.com:5061"));
  EXPECT_NE(hash_of("[2001:db8::1]"), hash_of("[2001:db8::2]"));
  EXPECT_NE(hash_of("192.0.2.1"), hash_of("192.0.2.11"));
}

TEST(SentByTest, AnAddressThatIsNoneIsTakenAsText) {
  EXPECT_EQ(hash_of(SentBy{"[::ffff:1.2.3.4]", 5060}), hash_of(SentBy{"[::FFFF:1.2.3.4]", 5060}));
  EXPECT_NE(hash_of(SentBy{"[:]", 5060}), hash_of(SentBy{"[::]", 5060}));
}

}  // namespace
}  // namespace siplb::sip
