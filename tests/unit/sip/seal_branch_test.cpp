// The branch that siplb makes, its local To tag and the loop hash (sip/seal.h, seal_branch.cpp).

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "sip/seal.h"
#include "unit/sip/parsed_via.h"
#include "unit/sip/seal_key.h"

namespace siplb::sip {
namespace {

constexpr std::string_view kVia = "SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bK776asdhds;rport";
constexpr std::string_view kOldVia = "SIP/2.0/UDP 192.0.2.9:5062";  // RFC 2543: no branch

using Change = std::function<void(Message&)>;

// An INVITE as far as the seal looks at it.
std::unique_ptr<Message> invite(std::string_view via = kVia) {
  auto message = std::make_unique<Message>();
  message->is_request = true;
  message->method = Method::Invite;
  message->request_uri = "sip:bob@example.com";
  message->via = parsed_via(via);
  message->from_tag = "1928301774";
  message->call_id = "a84b4c76e66710@pc33.example.com";
  message->cseq = 314159;
  return message;
}

void add_header(Message& message, HeaderId id, std::string_view value) {
  message.header_table[message.header_count++] = {.id = id, .name = {}, .value = value, .line = {}};
}

class SealBranchTest : public testing::Test {
 protected:
  std::string branch(const Message& message) {
    return std::string(branch_text(seal_.branch_hash(message), 0));
  }
  std::string changed(const Change& change, std::string_view via = kVia) {
    const auto message = invite(via);
    change(*message);
    return branch(*message);
  }

  Seal seal_{kKey, 1, 60};
};

TEST_F(SealBranchTest, FormStaysWhatItIs) {
  EXPECT_EQ(branch(*invite()), "z9hG4bKslbn5vjetmmcl2wgrrza");
  EXPECT_EQ(branch(*invite(kOldVia)), "z9hG4bKslbijba7kza5ftbjusga");
  EXPECT_EQ(branch_text(seal_.branch_hash(*invite()), 31).view().back(), '7');
}

TEST_F(SealBranchTest, FitsItsOctetBudget) {
  EXPECT_EQ(kBranchLength, 27u);
  EXPECT_EQ(branch(*invite()).size(), kBranchLength);
}

TEST_F(SealBranchTest, IsOneForAllMessagesOfATransaction) {
  const std::string expected = branch(*invite());
  EXPECT_EQ(changed([](Message& m) { m.method = Method::Cancel; }), expected);
  EXPECT_EQ(changed([](Message& m) {
              m.method = Method::Ack;
              m.to_tag = "314159";
            }),
            expected);
  EXPECT_EQ(changed([](Message& m) { add_header(m, HeaderId::ProxyRequire, "sec-agree"); }),
            expected);
  EXPECT_EQ(changed([](Message& m) { m.request_uri = "sip:other@example.com"; }), expected);
  EXPECT_EQ(changed([](Message& m) {
              m.via = parsed_via(
                  "SIP/2.0/UDP 192.0.2.9:5062;received=198.51.100.7;rport=40001;"
                  "branch=z9hG4bK776asdhds");
            }),
            expected);
}

TEST_F(SealBranchTest, IsOneForEveryProcessWithTheKey) {
  EXPECT_TRUE(Seal(kKey, 77, 1).branch_hash(*invite()) == seal_.branch_hash(*invite()));
  EXPECT_FALSE(Seal(HashKey{}, 1, 60).branch_hash(*invite()) == seal_.branch_hash(*invite()));
}

TEST_F(SealBranchTest, IsOneForEverySpellingOfTheSentBy) {
  const auto of = [this](std::string_view via) { return branch(*invite(via)); };
  EXPECT_EQ(of("SIP/2.0/UDP host.example.com;branch=z9hG4bKx"),
            of("SIP/2.0/UDP HOST.example.com:5060;branch=z9hG4bKx"));
  EXPECT_NE(of("SIP/2.0/UDP host.example.com;branch=z9hG4bKx"),
            of("SIP/2.0/UDP host.example.com:5061;branch=z9hG4bKx"));
}

TEST_F(SealBranchTest, DiffersBetweenTransactions) {
  const std::string other_than = branch(*invite());
  EXPECT_NE(changed([](Message& m) { m.call_id = "another"; }), other_than);
  EXPECT_NE(changed([](Message& m) { m.from_tag = "another"; }), other_than);
  EXPECT_NE(changed([](Message& m) { ++m.cseq; }), other_than);
  EXPECT_NE(changed([](Message& m) { m.via.branch = "z9hG4bKother"; }), other_than);
  EXPECT_NE(changed([](Message& m) { m.via.host = "192.0.2.8"; }), other_than);
  EXPECT_NE(changed([](Message& m) { m.via.port = 5063; }), other_than);
}

TEST_F(SealBranchTest, WithoutTheCookieIsOneForAllMessagesOfATransaction) {
  const std::string expected = branch(*invite(kOldVia));
  EXPECT_EQ(changed([](Message& m) { m.method = Method::Cancel; }, kOldVia), expected);
  EXPECT_EQ(changed(
                [](Message& m) {
                  m.method = Method::Ack;
                  m.to_tag = "314159";
                },
                kOldVia),
            expected);
  EXPECT_EQ(branch(*invite("SIP/2.0/UDP 192.0.2.9:5062;received=198.51.100.7")), expected);
}

TEST_F(SealBranchTest, WithoutTheCookieDiffersBetweenTransactions) {
  const std::string other_than = branch(*invite(kOldVia));
  EXPECT_NE(changed([](Message& m) { m.request_uri = "sip:carol@example.com"; }, kOldVia),
            other_than);
  EXPECT_NE(changed([](Message& m) { m.call_id = "another"; }, kOldVia), other_than);
  EXPECT_NE(changed([](Message& m) { m.from_tag = "another"; }, kOldVia), other_than);
  EXPECT_NE(changed([](Message& m) { ++m.cseq; }, kOldVia), other_than);
  EXPECT_NE(branch(*invite("SIP/2.0/UDP 192.0.2.8:5062")), other_than);
  EXPECT_NE(branch(*invite("SIP/2.0/TCP 192.0.2.9:5062")), other_than);
  EXPECT_NE(branch(*invite("SIP/2.0/UDP 192.0.2.9:5062;branch=7")), other_than);
}

TEST_F(SealBranchTest, AttemptsDifferInTheLastCharacterOnly) {
  const auto message = invite();
  const std::string first(branch_text(seal_.branch_hash(*message), 0));
  for (uint8_t attempt = 0; attempt < 32; ++attempt) {
    const std::string text(branch_text(seal_.branch_hash(*message), attempt));
    EXPECT_EQ(text.substr(0, kBranchLength - 1), first.substr(0, kBranchLength - 1));
    const auto read = read_branch(text);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->attempt, attempt);
    EXPECT_EQ(read->hash, seal_.branch_hash(*message));
  }
}

TEST_F(SealBranchTest, AttemptIsReadInAnyCase) {
  const auto read = read_branch("Z9HG4BKSLBABCDEFGHIJKLMNOPC");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->attempt, 2);
}

TEST_F(SealBranchTest, ForeignBranchesHaveNoAttempt) {
  const std::string ours(branch_text(seal_.branch_hash(*invite()), 5));
  for (size_t length = 0; length < ours.size(); ++length) {
    const auto block = std::make_unique<char[]>(length);
    ours.copy(block.get(), length);
    EXPECT_FALSE(read_branch({block.get(), length})) << length;
  }
  EXPECT_FALSE(read_branch(ours + "a"));
  for (size_t at = 0; at < ours.size(); ++at) {
    std::string altered = ours;
    altered[at] = '1';  // no digit of base32, no letter of the prefix
    EXPECT_FALSE(read_branch(altered)) << altered;
  }
}

TEST(SealBranchDeathTest, HasNoAttemptAbove31) {
  const Seal seal(kKey, 1, 60);
  EXPECT_DEATH((void)branch_text(seal.branch_hash(*invite()), 32), "assertion failed");
}

class LocalTagTest : public testing::Test {
 protected:
  Seal seal_{kKey, 1, 60};
};

TEST_F(LocalTagTest, FormStaysWhatItIs) {
  EXPECT_EQ(seal_.local_tag(*invite()), "slbc2kzz4r4te7iw6iz");
  EXPECT_EQ(seal_.local_tag(*invite()).size(), kLocalTagLength);
}

TEST_F(LocalTagTest, TheAckToOurAnswerIsKnown) {
  const auto request = invite();
  const LocalTag tag = seal_.local_tag(*request);
  const auto ack = invite();
  ack->method = Method::Ack;
  ack->to_tag = tag;
  EXPECT_TRUE(seal_.is_local_tag(*ack));
  EXPECT_TRUE(Seal(kKey, 2, 1).is_local_tag(*ack));
}

TEST_F(LocalTagTest, OtherTagsAreNotOurs) {
  const auto request = invite();
  const std::string tag(seal_.local_tag(*request));
  const auto ack = invite();
  EXPECT_FALSE(seal_.is_local_tag(*ack));
  for (size_t at = 0; at < tag.size(); ++at) {
    std::string altered = tag;
    altered[at] = altered[at] == 'a' ? 'b' : 'a';
    ack->to_tag = altered;
    EXPECT_FALSE(seal_.is_local_tag(*ack)) << altered;
  }
  ack->to_tag = std::string_view(tag).substr(0, tag.size() - 1);
  EXPECT_FALSE(seal_.is_local_tag(*ack));
}

TEST_F(LocalTagTest, BelongsToOneTransaction) {
  const auto request = invite();
  const LocalTag tag = seal_.local_tag(*request);
  for (const Change& change : {
           Change([](Message& m) { m.via.branch = "z9hG4bKother"; }),
           Change([](Message& m) { m.via.host = "192.0.2.8"; }),
           Change([](Message& m) { m.call_id = "another"; }),
           Change([](Message& m) { ++m.cseq; }),
       }) {
    const auto ack = invite();
    ack->to_tag = tag;
    change(*ack);
    EXPECT_FALSE(seal_.is_local_tag(*ack));
  }
}

TEST(TagHashTest, Has24BitsThatFollowTheTag) {
  const Seal seal(kKey, 1, 60);
  EXPECT_EQ(seal.tag_hash("1928301774"), 3526963u);
  EXPECT_NE(seal.tag_hash("1928301774"), seal.tag_hash("1928301775"));
  for (const std::string_view tag : {"", "a", "b", "c", "d", "e", "f", "g"}) {
    EXPECT_LT(seal.tag_hash(tag), 1u << 24);
  }
}

class LoopHashTest : public testing::Test {
 protected:
  uint32_t changed(const Change& change) {
    const auto message = invite();
    change(*message);
    return seal_.loop_hash(*message, "<sip:next;lr>", 7, 8);
  }

  Seal seal_{kKey, 1, 60};
};

TEST_F(LoopHashTest, IsTheSameForTheNextLap) {
  const uint32_t first = changed([](Message&) {});
  EXPECT_EQ(first, 1201176178u);
  // Our own Via is on top by then, and Max-Forwards has gone down.
  EXPECT_EQ(changed([](Message& m) {
              m.via = parsed_via("SIP/2.0/UDP lb.example.com;branch=z9hG4bKslb");
              m.max_forwards = 69;
            }),
            first);
}

TEST_F(LoopHashTest, DiffersForASpiral) {
  const uint32_t first = changed([](Message&) {});
  EXPECT_NE(changed([](Message& m) { m.request_uri = "sip:bob@elsewhere"; }), first);
  EXPECT_NE(changed([](Message& m) { m.call_id = "another"; }), first);
  EXPECT_NE(changed([](Message& m) { m.from_tag = "another"; }), first);
  EXPECT_NE(changed([](Message& m) { m.to_tag = "another"; }), first);
  EXPECT_NE(changed([](Message& m) { ++m.cseq; }), first);
  EXPECT_NE(changed([](Message& m) { add_header(m, HeaderId::ProxyRequire, "foo"); }), first);
  EXPECT_EQ(changed([](Message& m) { add_header(m, HeaderId::Other, "foo"); }), first);
  const auto message = invite();
  EXPECT_NE(seal_.loop_hash(*message, "", 7, 8), first);
  EXPECT_NE(seal_.loop_hash(*message, "<sip:next;lr>", 6, 8), first);
  EXPECT_NE(seal_.loop_hash(*message, "<sip:next;lr>", 7, 0), first);
}

// Through the same two hops twice, with each Route in a header of its own.
TEST_F(LoopHashTest, RoutesLeftInFurtherHeadersTellASpiral) {
  static constexpr std::string_view kRoutes =
      "<sip:us;lr><sip:a;lr><sip:us;lr><sip:a;lr><sip:b;lr>";
  const std::string_view us = kRoutes.substr(0, 11);
  const std::string_view a = kRoutes.substr(11, 10);
  const std::string_view us_again = kRoutes.substr(21, 11);
  const std::string_view a_again = kRoutes.substr(32, 10);
  const std::string_view b = kRoutes.substr(42);
  const auto first = invite();
  for (const std::string_view route : {us, a, us_again, a_again, b}) {
    add_header(*first, HeaderId::Route, route);
  }
  const auto second = invite();
  for (const std::string_view route : {us_again, a_again, b}) {
    add_header(*second, HeaderId::Route, route);
  }
  EXPECT_NE(seal_.loop_hash(*first, a, 7, 8), seal_.loop_hash(*second, a_again, 7, 8));
  // What has been popped does not count.
  const auto popped = invite();
  for (const std::string_view route : {a_again, b}) add_header(*popped, HeaderId::Route, route);
  EXPECT_EQ(seal_.loop_hash(*second, a_again, 7, 8), seal_.loop_hash(*popped, a_again, 7, 8));
  EXPECT_EQ(seal_.loop_hash(*second, "", 7, 8), seal_.loop_hash(*invite(), "", 7, 8));
}

}  // namespace
}  // namespace siplb::sip
