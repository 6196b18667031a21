#include "sip/message.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sip/reply.h"
#include "support/prefixes.h"
#include "support/sip_builder.h"

namespace siplb::sip {
namespace {

using namespace std::string_literals;
using test::SipBuilder;

ScanStatus status_of(std::string_view octets) {
  Message message;
  return scan(octets, {}, message);
}

#define EXPECT_STATUS(octets, expected) \
  EXPECT_EQ(scan_status_name(status_of(octets)), scan_status_name(expected)) << (octets)

// ---- What is accepted ---------------------------------------------------------------------------

TEST(ScanTest, ReadsARequest) {
  const std::string text = SipBuilder::request()
                               .add("Via", "SIP/2.0/UDP b")
                               .to("<sip:bob@example.com>;tag=b1")
                               .cseq("4711 INVITE")
                               .body("v=0\r\n")
                               .str();
  Message message;
  ASSERT_EQ(scan(text, {}, message), ScanStatus::Ok);
  EXPECT_EQ(message.text, text);
  EXPECT_EQ(message.start_line, "INVITE sip:bob@example.com SIP/2.0\r\n");
  EXPECT_TRUE(message.is_request);
  EXPECT_EQ(message.method, Method::Invite);
  EXPECT_EQ(message.method_text, "INVITE");
  EXPECT_EQ(message.version, "SIP/2.0");
  EXPECT_EQ(message.request_uri, "sip:bob@example.com");
  EXPECT_EQ(message.uri.host, "example.com");
  EXPECT_EQ(message.via.branch, "z9hG4bKalice1");
  EXPECT_EQ(message.via_rest, "");
  EXPECT_EQ(message.from.uri, "sip:alice@example.net");
  EXPECT_EQ(message.from_tag, "a1");
  EXPECT_EQ(message.to_tag, "b1");
  EXPECT_EQ(message.call_id, "call-1@example.net");
  EXPECT_EQ(message.cseq, 4711U);
  EXPECT_EQ(message.max_forwards_digits, "70");
  EXPECT_EQ(message.max_forwards, 70U);
  EXPECT_EQ(message.body, "v=0\r\n");
  EXPECT_EQ(message.header_count, 9U);
}

TEST(ScanTest, ReadsAResponse) {
  Message message;
  const std::string text = SipBuilder::response(180, Method::Invite).str();
  ASSERT_EQ(scan(text, {}, message), ScanStatus::Ok);
  EXPECT_FALSE(message.is_request);
  EXPECT_EQ(message.status, 180);
  EXPECT_EQ(message.version, "SIP/2.0");
  EXPECT_EQ(message.method, Method::Invite);
  EXPECT_EQ(message.method_text, "INVITE");
  EXPECT_EQ(message.to_tag, "b1");
  EXPECT_TRUE(message.max_forwards_digits.empty());
}

TEST(ScanTest, TakesEveryReasonPhrase) {
  for (const std::string_view line : {"SIP/2.0 200 OK", "SIP/2.0 200 ", "SIP/2.0 200",
                                      "sip/2.0 200 \xd0\xa5 = 2**3", "SIP/2.0 699 a b  c"}) {
    EXPECT_STATUS(SipBuilder::response().start_line(line).str(), ScanStatus::Ok);
  }
}

TEST(ScanTest, LeavesAnotherVersionToTheChecks) {
  Message message;
  const std::string text =
      SipBuilder::request().start_line("INVITE sip:bob@example.com SIP/7.0").str();
  ASSERT_EQ(scan(text, {}, message), ScanStatus::Ok);
  EXPECT_EQ(message.version, "SIP/7.0");
}

TEST(ScanTest, TakesAMethodItDoesNotKnow) {
  Message message;
  const std::string text = SipBuilder::request()
                               .start_line("RE%47IST%45R sip:bob@example.com SIP/2.0")
                               .cseq("1 RE%47IST%45R")
                               .str();
  ASSERT_EQ(scan(text, {}, message), ScanStatus::Ok);
  EXPECT_EQ(message.method, Method::Other);
  EXPECT_EQ(message.method_text, "RE%47IST%45R");
}

TEST(ScanTest, KnowsCompactFormsFoldingAndCase) {
  Message message;
  ASSERT_EQ(scan("OPTIONS sip:h SIP/2.0\r\n"
                 "TO :\r\n sip:v@example.com ;   tag    = 19n\r\n"
                 "f   : \"J \\\\\\\"\" <sip:j@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n"
                 "MaX-fOrWaRdS: 0068\r\n"
                 "I: a@b\r\n"
                 "cseq: 0009\r\n  OPTIONS\r\n"
                 "V  : SIP  / 2.0\r\n  /UDP\r\n    192.0.2.2;branch=390skdjuw ,\r\n"
                 " SIP/2.0/TCP c ; branch=z\r\n"
                 "Unknown: ;;,,;;,;\r\n"
                 "L : 2\r\n\r\nabc",
                 {}, message),
            ScanStatus::Ok);
  EXPECT_EQ(message.to_tag, "19n");
  EXPECT_EQ(message.from_tag, "98asjd8");
  EXPECT_EQ(message.max_forwards_digits, "0068");
  EXPECT_EQ(message.max_forwards, 68U);
  EXPECT_EQ(message.call_id, "a@b");
  EXPECT_EQ(message.cseq, 9U);
  EXPECT_EQ(message.via.branch, "390skdjuw");
  EXPECT_EQ(message.via_rest, "SIP/2.0/TCP c ; branch=z");
  EXPECT_EQ(message.body, "ab");
}

TEST(ScanTest, TakesARequestWithoutWhatIsOptional) {
  EXPECT_STATUS(SipBuilder::request()
                    .remove("Max-Forwards")
                    .remove("Contact")
                    .remove("Content-Length")
                    .from("<sip:alice@example.net>")
                    .str(),
                ScanStatus::Ok);
}

TEST(ScanTest, ForgetsTheMessageBefore) {
  Message message;
  ASSERT_EQ(scan(SipBuilder::request().to("<sip:b@c>;tag=old").str(), {}, message), ScanStatus::Ok);
  const std::string text = SipBuilder::request().remove("Max-Forwards").str();
  ASSERT_EQ(scan(text, {}, message), ScanStatus::Ok);
  EXPECT_TRUE(message.to_tag.empty());
  EXPECT_TRUE(message.max_forwards_digits.empty());
  EXPECT_EQ(scan("", {}, message), ScanStatus::KeepAlive);
  EXPECT_FALSE(message.is_request);
  EXPECT_TRUE(message.headers().empty());
}

TEST(ScanTest, FindsHeadersByIdAndByName) {
  Message message;
  const std::string text = SipBuilder::request().route("<sip:a>").route("<sip:b>").str();
  ASSERT_EQ(scan(text, {}, message), ScanStatus::Ok);
  EXPECT_EQ(message.find(HeaderId::Route)->value, "<sip:a>");
  EXPECT_EQ(message.find(HeaderId::ProxyRequire), nullptr);
  EXPECT_EQ(message.find("cONTACT")->value, "<sip:alice@192.0.2.1:5060>");
  EXPECT_EQ(message.find("Subject"), nullptr);
}

// ---- Datagrams and bodies -----------------------------------------------------------------------

TEST(ScanTest, TakesUpToFourOctetsOfNothingForAKeepAlive) {
  for (const std::string& octets : {""s, "\r\n"s, "\r\n\r\n"s, "\0"s, "\0\0\0\0"s, "\n"s}) {
    EXPECT_STATUS(octets, ScanStatus::KeepAlive);
  }
  EXPECT_STATUS("\0\0\0\0\0"s, ScanStatus::NotSip);
  EXPECT_STATUS("\r\n\r\n\r\n"s, ScanStatus::NotSip);
  EXPECT_STATUS("jaK"s, ScanStatus::NotSip);
}

TEST(ScanTest, SkipsLineEndsBeforeTheStartLine) {
  Message message;
  const std::string text = SipBuilder::request().str();
  const std::string padded = "\r\n\r\n" + text;
  ASSERT_EQ(scan(padded, {}, message), ScanStatus::Ok);
  EXPECT_EQ(message.text, text);
}

TEST(ScanTest, CutsOctetsBeyondContentLength) {
  Message message;
  const std::string text = SipBuilder::request().body("v=0").str();
  const std::string longer = text + "INVITE sip:inner SIP/2.0\r\n";
  ASSERT_EQ(scan(longer, {}, message), ScanStatus::Ok);
  EXPECT_EQ(message.text, text);
  EXPECT_EQ(message.body, "v=0");
}

TEST(ScanTest, TakesTheRestForTheBodyWithoutContentLength) {
  Message message;
  const std::string text = SipBuilder::request().remove("Content-Length").body("v=0\0\n"s).str();
  ASSERT_EQ(scan(text, {}, message), ScanStatus::Ok);
  EXPECT_EQ(message.body, "v=0\0\n"s);
}

TEST(ScanTest, RefusesAContentLengthThatIsNoneOrTooLong) {
  for (const std::string_view length : {"", "-1", "+3", "0x3", "3 3", "3,3", "3;x", "65536",
                                        "4294967299", "18446744073709551619"}) {
    EXPECT_STATUS(SipBuilder::request().content_length(length).body("v=0").str(),
                  ScanStatus::BadContentLength);
  }
  EXPECT_STATUS(SipBuilder::request().content_length("4").body("v=0").str(),
                ScanStatus::BodyTooShort);
  EXPECT_STATUS(SipBuilder::request().content_length("65535").body("v=0").str(),
                ScanStatus::BodyTooShort);
  EXPECT_STATUS(SipBuilder::request().content_length("0003").body("v=0").str(), ScanStatus::Ok);
}

// ---- What is refused ----------------------------------------------------------------------------

TEST(ScanTest, RefusesWhatHasNoSipStartLine) {
  for (const std::string& octets :
       {"GET / HTTP/1.1\r\n\r\n"s, "\x00\x01\x00\x00\x21\x12\xa4\x42"s, "INVITE sip:a SIP/2.0"s,
        "INVITE\r\n\r\n"s, " \r\n\r\n"s, "INVITE sip:a SIP/2.0\n\n"s, "INVITE sip:a SIP/2.0 \r\n"s,
        "INV\0ITE sip:a SIP/2.0\r\n\r\n"s}) {
    EXPECT_STATUS(octets, ScanStatus::NotSip);
  }
}

TEST(ScanTest, RefusesABadStartLine) {
  for (const std::string_view line :
       {"INVITE SIP/2.0", " sip:bob SIP/2.0", "IN:VITE sip:bob SIP/2.0", "INVITE sip:bob SIP/2",
        "INVITE sip:bob SIP/2.x", "INVITE sip:bob SIP/.0", "INVITE sip:bob SIP/2.0.0", "SIP/2.0",
        "SIP/2.0 ", "SIP/2.0 20", "SIP/2.0 099 x", "SIP/2.0 700 x", "SIP/2.0 4294967301 x",
        "SIP/2.0 2000", "SIP/2.0  200 OK", "SIP/2.0 2OO OK", "SIP/x 200 OK"}) {
    EXPECT_STATUS(SipBuilder::request().start_line(line).str(), ScanStatus::BadStartLine);
  }
}

TEST(ScanTest, RefusesABadRequestUri) {
  for (const std::string_view uri : {"", " sip:bob", "sip:bob ", "<sip:bob>", "bob",
                                     "sip:", "sip:bob; lr", "sip:bob@[::1", "sip:bob:99999"}) {
    EXPECT_STATUS(SipBuilder::request(Method::Invite, uri).str(), ScanStatus::BadRequestUri);
  }
}

TEST(ScanTest, RefusesBadHeaderLines) {
  for (const std::string& line :
       {"No colon\r\n"s, "Na me: x\r\n"s, ": x\r\n"s, "To\x01: <sip:x>\r\n"s, "X: a\0b\r\n"s,
        "X: a\nb\r\n"s, "X: a\rTo: b\r\n"s, "X: \"\\\0\"\r\n"s}) {
    EXPECT_STATUS(SipBuilder::request().raw(line).str(), ScanStatus::BadHeader);
  }
}

TEST(ScanTest, RefusesAMissingHeader) {
  for (const std::string_view name : {"Via", "From", "To", "Call-ID", "CSeq"}) {
    EXPECT_STATUS(SipBuilder::request().remove(name).str(), ScanStatus::MissingHeader);
    EXPECT_STATUS(SipBuilder::response().remove(name).str(), ScanStatus::MissingHeader);
  }
}

TEST(ScanTest, RefusesASecondHeaderOfThoseThatStandAlone) {
  for (const std::string_view line :
       {"f: <sip:alice@example.net>;tag=a1\r\n", "To: <sip:bob@example.com>\r\n",
        "i: call-1@example.net\r\n", "CSeq: 1 INVITE\r\n", "Max-Forwards: 70\r\n"}) {
    EXPECT_STATUS(SipBuilder::request().raw(line).str(), ScanStatus::RepeatedHeader);
  }
  EXPECT_STATUS(SipBuilder::request().raw("l: 0\r\n").raw("Content-Length: 0\r\n").str(),
                ScanStatus::RepeatedHeader);
  EXPECT_STATUS(
      SipBuilder::request().raw("l: 0\r\n").raw("Content-Length: 3\r\n").body("v=0").str(),
      ScanStatus::RepeatedHeader);
}

TEST(ScanTest, RefusesABadTopVia) {
  for (const std::string_view value : {"", ",", "SIP/2.0/UDP", "SIP/2.0/UDP 192.0.2.15;;,;,,",
                                       "SIP/2.0/UDP a;branch=x;branch=y"}) {
    EXPECT_STATUS(SipBuilder::request().via(value).str(), ScanStatus::BadVia);
  }
}

TEST(ScanTest, RefusesFromAndToThatCanBeReadInTwoWays) {
  for (const std::string_view value :
       {"", "\"Bob <sip:bob@example.com>", "<sip:bob@example.com>;tag=a;tag=b",
        "<sip:bob@example.com>;tag=a;TAG=a", "<sip:bob@example.com>;tag",
        "<sip:bob@example.com>;tag=", "<sip:bob@example.com>;tag=a b",
        "<sip:bob@example.com>;tag=\"a\"", "<sip:bob@example.com>;tag=a, <sip:c@d>",
        "<sip:bob@example.com>;x=1, <sip:c@d>;tag=a", "<sip:bob@example.com>;x=\"1;tag=a",
        "<sip:bob@example.com>, <sip:c@d>"}) {
    EXPECT_STATUS(SipBuilder::request().from(value).str(), ScanStatus::BadFromTo);
    EXPECT_STATUS(SipBuilder::request().to(value).str(), ScanStatus::BadFromTo);
  }
}

TEST(ScanTest, TakesATagFromTheHeaderAndNotFromTheUri) {
  Message message;
  const std::string text = SipBuilder::request()
                               .to("\"a;tag=1\" <sip:bob@example.com;tag=2>;x=\";tag=3\"")
                               .from("sip:alice@example.net;tag=4")
                               .str();
  ASSERT_EQ(scan(text, {}, message), ScanStatus::Ok);
  EXPECT_TRUE(message.to_tag.empty());
  EXPECT_EQ(message.from_tag, "4");
}

TEST(ScanTest, RefusesABadCallId) {
  for (const std::string_view value : {"", "a b", "a\tb", "a\r\n b"}) {
    EXPECT_STATUS(SipBuilder::request().call_id(value).str(), ScanStatus::BadCallId);
  }
}

TEST(ScanTest, RefusesALongCallId) {
  const auto of = [](size_t octets) {
    return SipBuilder::request().call_id(std::string(octets, 'x')).str();
  };
  EXPECT_STATUS(of(kCallIdOctetsMax), ScanStatus::Ok);
  EXPECT_STATUS(of(kCallIdOctetsMax + 1), ScanStatus::BadCallId);
}

TEST(ScanTest, RefusesABadCSeq) {
  for (const std::string_view value :
       {"", "1", "INVITE", "1INVITE", "-1 INVITE", "1 BYE", "1 invite", "2147483648 INVITE",
        "36893488147419103232 INVITE", "1 INVITE x", "1 IN:VITE", "1, INVITE"}) {
    EXPECT_STATUS(SipBuilder::request().cseq(value).str(), ScanStatus::BadCSeq);
  }
  EXPECT_STATUS(SipBuilder::request().cseq("2147483647 INVITE").str(), ScanStatus::Ok);
  EXPECT_STATUS(SipBuilder::response().cseq("1").str(), ScanStatus::BadCSeq);
}

TEST(ScanTest, RefusesBadMaxForwardsAndSaturatesLargeOnes) {
  for (const std::string_view value : {"", "-1", "7O", "70 70"}) {
    EXPECT_STATUS(SipBuilder::request().max_forwards(value).str(), ScanStatus::BadMaxForwards);
  }
  for (const std::string_view value : {"255", "256", "99999999999999999999"}) {
    Message message;
    const std::string text = SipBuilder::request().max_forwards(value).str();
    ASSERT_EQ(scan(text, {}, message), ScanStatus::Ok);
    EXPECT_EQ(message.max_forwards, 255U);
  }
}

TEST(ScanTest, TakesHeadersUpToItsLimitAndNoMore) {
  SipBuilder builder = SipBuilder::request();
  while (true) {
    Message message;
    const std::string text = builder.str();
    const ScanStatus status = scan(text, {}, message);
    if (message.header_count < kHeadersMax || status == ScanStatus::Ok) {
      ASSERT_EQ(status, ScanStatus::Ok);
      ASSERT_LE(message.header_count, kHeadersMax);
      builder.add("Subject", "x");
      continue;
    }
    EXPECT_EQ(status, ScanStatus::TooManyHeaders);
    EXPECT_TRUE(answerable(message));
    break;
  }
  Message message;
  EXPECT_EQ(scan(SipBuilder::request().str(), {.headers_max = 8}, message), ScanStatus::Ok);
  EXPECT_EQ(scan(SipBuilder::request().str(), {.headers_max = 7}, message),
            ScanStatus::TooManyHeaders);
  EXPECT_EQ(scan(SipBuilder::request().str(), {.headers_max = 0}, message),
            ScanStatus::TooManyHeaders);
  EXPECT_EQ(message.header_count, 0U);
}

TEST(ScanTest, TellsTheFirstFault) {
  EXPECT_STATUS(SipBuilder::request().cseq("x").content_length("x").str(), ScanStatus::BadCSeq);
}

TEST(ScanTest, StaysInsideEveryPrefix) {
  const std::string text =
      SipBuilder::request()
          .via("SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=z9hG4bK1, SIP/2.0/UDP b")
          .to("\"B \\\"\"\r\n <sip:bob@example.com>;tag=b1")
          .body("v=0")
          .str();
  Message message;
  test::for_each_prefix(text, [&](std::string_view prefix) {
    const ScanStatus status = scan(prefix, {}, message);
    EXPECT_EQ(status == ScanStatus::Ok, prefix.size() == text.size()) << prefix;
    (void)answerable(message);
    (void)peek_call_id(prefix);
  });
}

std::vector<std::string> corpus() {
  std::vector<std::string> messages;
  for (const std::string_view folder : {"valid", "invalid"}) {
    const auto path = std::filesystem::path(SIPLB_SOURCE_DIR) / "tests/corpus" / folder;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      std::ifstream file(entry.path(), std::ios::binary);
      messages.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
  }
  return messages;
}

// Where the head ends in every message that there could be; npos where it does not.
size_t head_end(std::string_view octets) {
  const size_t start = std::min(octets.find_first_not_of("\r\n"), octets.size());
  return octets.find("\r\n\r\n", start);
}

TEST(ScanTest, StaysInsideEveryPrefixOfTheCorpus) {
  const std::vector<std::string> messages = corpus();
  ASSERT_FALSE(messages.empty());
  Message message;
  std::array<char, kMessageOctetsMax> reply;
  for (const std::string& text : messages) {
    test::for_each_prefix(text, [&](std::string_view prefix) {
      if (scan(prefix, {}, message) == ScanStatus::Ok) {
        EXPECT_NE(head_end(prefix), std::string_view::npos) << prefix;
        EXPECT_GE(message.text.data(), prefix.data());
        EXPECT_LE(message.text.data() + message.text.size(), prefix.data() + prefix.size());
        EXPECT_EQ(peek_call_id(prefix), message.call_id) << prefix;
      } else {
        (void)peek_call_id(prefix);
      }
      EXPECT_EQ(build_reply(message, {}, reply) != 0, answerable(message)) << prefix;
    });
  }
}

TEST(ScanStatusTest, NamesAreDistinct) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < static_cast<size_t>(ScanStatus::kCount); ++i) {
    names.insert(scan_status_name(static_cast<ScanStatus>(i)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(ScanStatus::kCount));
  EXPECT_EQ(names.count(""), 0U);
  EXPECT_EQ(scan_status_name(ScanStatus::BadVia), "bad_via");
  EXPECT_EQ(scan_status_name(ScanStatus::BadRequestUri), "bad_request_uri");
}

// ---- The look for a Call-ID ---------------------------------------------------------------------

TEST(PeekCallIdTest, FindsItInEveryForm) {
  EXPECT_EQ(peek_call_id(SipBuilder::request().str()), "call-1@example.net");
  EXPECT_EQ(peek_call_id("\r\nX\r\nA: 1\r\ni :\r\n a@b \r\nCall-ID: c\r\n"), "a@b");
  EXPECT_EQ(peek_call_id("X\r\nA: 1\r\n Call-ID: no\r\ncall-id: yes\r\n"), "yes");
}

TEST(PeekCallIdTest, FindsNoneWhereThereIsNone) {
  EXPECT_EQ(peek_call_id(""), "");
  EXPECT_EQ(peek_call_id("Call-ID: x\r\n"), "");
  EXPECT_EQ(peek_call_id("X\r\nA: 1\r\n\r\nCall-ID: body\r\n"), "");
  EXPECT_EQ(peek_call_id("X\r\nCall-ID: unended"), "");
}

TEST(PeekCallIdTest, AgreesWithScanUnderMutation) {
  const std::string text = SipBuilder::request().raw("I\t: second\r\n").raw("X: 1\r\n 2\r\n").str();
  const std::string good = SipBuilder::request().raw("X: 1\r\n 2\r\n").str();
  constexpr std::string_view kOctets("\r\n\t :;,\"<>iICc\0\x01z", 17);
  std::mt19937 random(5061);
  Message message;
  size_t accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string mutant = round % 2 == 0 ? good : text;
    for (int i = 0; i < 2; ++i)
      mutant[random() % mutant.size()] = kOctets[random() % kOctets.size()];
    if (scan(mutant, {}, message) != ScanStatus::Ok) continue;
    ++accepted;
    ASSERT_EQ(peek_call_id(mutant), message.call_id) << mutant;
  }
  EXPECT_GT(accepted, 1000U);
}

// ---- Several values in one header ---------------------------------------------------------------

std::string values(std::string_view header_value) {
  std::string text;
  ValueReader reader(header_value);
  for (std::string_view value; reader.next(value);) text += "[" + std::string(value) + "]";
  return text;
}

TEST(ValueReaderTest, SplitsAtCommasOutsideQuotesAndBrackets) {
  EXPECT_EQ(values("<sip:a,b;lr>;x=\",\" , \"c, d\" <sip:e>"),
            "[<sip:a,b;lr>;x=\",\"][\"c, d\" <sip:e>]");
}

TEST(ValueReaderTest, TakesFoldingBetweenValues) {
  EXPECT_EQ(values(" a ,\r\n b "), "[a][b]");
}

TEST(ValueReaderTest, GivesNothingForAnEmptyHeader) {
  EXPECT_EQ(values(""), "");
  EXPECT_EQ(values(" \r\n "), "");
}

TEST(ValueReaderTest, KeepsTheRestOfWhatIsNotClosed) {
  EXPECT_EQ(values("a,\"b,c"), "[a][\"b,c]");
  EXPECT_EQ(values("a,<b,c"), "[a][<b,c]");
}

TEST(ValueReaderTest, TellsWhatRemains) {
  const std::string_view header = "a , b,c";
  ValueReader reader(header);
  std::string_view value;
  EXPECT_EQ(reader.remaining(), "a , b,c");
  ASSERT_TRUE(reader.next(value));
  EXPECT_EQ(reader.remaining(), "b,c");
  EXPECT_EQ(reader.remaining().data(), header.data() + 4);
  ASSERT_TRUE(reader.next(value));
  ASSERT_TRUE(reader.next(value));
  EXPECT_EQ(reader.remaining(), "");
  EXPECT_FALSE(reader.next(value));
}

TEST(ValueReaderTest, StaysInsideEveryPrefix) {
  test::for_each_prefix("\"a\\\"\" <b,c>, d;e=\"f\"", [](std::string_view prefix) {
    ValueReader reader(prefix);
    size_t octets = 0;
    for (std::string_view value; reader.next(value);) octets += value.size();
    EXPECT_LE(octets, prefix.size());
  });
}

}  // namespace
}  // namespace siplb::sip
