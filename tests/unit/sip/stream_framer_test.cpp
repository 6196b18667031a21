#include "sip/stream_framer.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "sip/message.h"

namespace siplb::sip {
namespace {

using Kind = Frame::Kind;

// What a stream was found to hold, but for what was only passed over.
struct Found {
  Kind kind;
  size_t end;  // in the stream; of Broken: of its head, and where there is none, of what is before
  std::string text;
  FrameFault fault;
  bool operator==(const Found&) const = default;
};

void PrintTo(const Found& found, std::ostream* out) {
  *out << "kind " << static_cast<int>(found.kind) << " end " << found.end << " fault "
       << frame_fault_name(found.fault) << " \"" << found.text << "\"";
}

// A connection that keeps what is unfinished and shows it again, as a lane does; each time in a
// heap block of exactly its size.
class Stream {
 public:
  explicit Stream(size_t message_octets_max) : framer_(message_octets_max) {}

  void receive(std::string_view octets) {
    kept_ += octets;
    while (!kept_.empty() && !broken_) {
      const auto block = std::make_unique<char[]>(kept_.size());
      kept_.copy(block.get(), kept_.size());
      last_ = framer_.next({block.get(), kept_.size()});
      if (last_.kind == Kind::More) return;
      broken_ = last_.kind == Kind::Broken;
      used_ += last_.length;
      if (last_.kind != Kind::Skipped) {
        const bool is_ping = last_.kind == Kind::Ping;
        found_.push_back({.kind = last_.kind,
                          .end = used_,
                          .text = is_ping ? std::string() : kept_.substr(0, last_.length),
                          .fault = last_.fault});
      }
      kept_.erase(0, last_.length);
    }
  }

  [[nodiscard]] const std::vector<Found>& found() const { return found_; }
  [[nodiscard]] const Frame& last() const { return last_; }
  [[nodiscard]] size_t kept() const { return kept_.size(); }

 private:
  StreamFramer framer_;
  std::string kept_;
  size_t used_ = 0;
  bool broken_ = false;
  Frame last_;
  std::vector<Found> found_;
};

std::vector<Found> found_whole(std::string_view octets, size_t message_octets_max) {
  Stream stream(message_octets_max);
  stream.receive(octets);
  return stream.found();
}

// Also cut at each place, and given octet by octet: which must make no difference.
std::vector<Found> found_in(std::string_view octets,
                            size_t message_octets_max = kMessageOctetsMax) {
  std::vector<Found> whole = found_whole(octets, message_octets_max);
  Stream by_octet(message_octets_max);
  for (size_t at = 0; at < octets.size(); ++at) {
    by_octet.receive(octets.substr(at, 1));
    Stream cut(message_octets_max);
    cut.receive(octets.substr(0, at));
    cut.receive(octets.substr(at));
    EXPECT_EQ(cut.found(), whole) << "cut at " << at;
  }
  EXPECT_EQ(by_octet.found(), whole);
  return whole;
}

constexpr std::string_view kStart = "OPTIONS sip:lb.example.com SIP/2.0\r\n";

std::string head(std::string_view headers) {
  return std::string(kStart) + std::string(headers) + "\r\n";
}

// Its octets, with a body of this length.
std::string message(size_t body_length) {
  return head("Call-ID: 1\r\nContent-Length: " + std::to_string(body_length) + "\r\n") +
         std::string(body_length, '\n');
}

// How many messages there are, with a letter for each ping: "m.m" and so on.
std::string order(const std::vector<Found>& found) {
  std::string text;
  for (const Found& one : found) {
    switch (one.kind) {
      case Kind::Message: text += 'm'; break;
      case Kind::Ping: text += '.'; break;
      case Kind::Broken: text += frame_fault_name(one.fault); break;
      case Kind::More:
      case Kind::Skipped: text += '?'; break;
    }
  }
  return text;
}

// The fault of a stream of this head; expects that it is all there is, and fit for an answer.
FrameFault fault_of_head(std::string_view headers) {
  const std::string octets = head(headers);
  const std::vector<Found> found = found_in(octets);
  EXPECT_EQ(found.size(), 1u) << headers;
  if (found.empty()) return FrameFault::None;
  EXPECT_EQ(found[0].text, octets) << headers;
  EXPECT_EQ(found[0].kind == Kind::Broken, found[0].fault != FrameFault::None);
  return found[0].fault;
}

TEST(StreamFramerTest, FindsAMessageWithAndWithoutABody) {
  for (const size_t body : {0u, 1u, 30u}) {
    const std::string octets = message(body);
    const std::vector<Found> found = found_in(octets);
    ASSERT_EQ(order(found), "m");
    EXPECT_EQ(found[0].text, octets);
  }
}

TEST(StreamFramerTest, FindsThreeMessagesInOneRead) {
  // The second is shorter than the first one's head: each is searched from its beginning.
  const std::string octets = message(3) + "SIP/2.0 200 OK\r\nl:0\r\n\r\n" + message(8);
  const std::vector<Found> found = found_in(octets);
  ASSERT_EQ(order(found), "mmm");
  EXPECT_EQ(found[0].text, message(3));
  EXPECT_EQ(found[2].text, message(8));
}

TEST(StreamFramerTest, FindsAResponse) {
  EXPECT_EQ(order(found_in("SIP/2.0 200 OK\r\nl: 2\r\n\r\nab")), "m");
}

TEST(StreamFramerTest, ABodyMayHoldWhatLooksLikeAMessageOrAPing) {
  const std::string inner = message(0) + "\r\n\r\n";
  const std::string octets =
      head("Content-Length: " + std::to_string(inner.size()) + "\r\n") + inner;
  const std::vector<Found> found = found_in(octets + message(0));
  ASSERT_EQ(order(found), "mm");
  EXPECT_EQ(found[0].text, octets);
}

TEST(StreamFramerTest, SaysHowLongAMessageWillBeOnceItsHeadIsWhole) {
  const std::string octets = message(9);
  for (size_t length = 1; length < octets.size(); ++length) {
    const Frame frame = StreamFramer(kMessageOctetsMax).next(octets.substr(0, length));
    ASSERT_EQ(frame.kind, Kind::More) << length;
    EXPECT_EQ(frame.length, length < octets.size() - 9 ? 0 : octets.size()) << length;
  }
}

TEST(StreamFramerTest, AnswersThePingsBetweenMessages) {
  EXPECT_EQ(order(found_in("\r\n\r\n")), ".");
  EXPECT_EQ(order(found_in("\r\n\r\n\r\n\r\n")), "..");
  EXPECT_EQ(order(found_in("\r\n\r\n" + message(0) + "\r\n\r\n" + message(4) + "\r\n\r\n")),
            ".m.m.");
}

TEST(StreamFramerTest, PassesOverLineEndsThatAreNoPing) {
  EXPECT_EQ(order(found_in("\r\n")), "");
  EXPECT_EQ(order(found_in("\n\n\n\n\r\r\r\r")), "");
  EXPECT_EQ(order(found_in("\r\n\r\n\r\n" + message(0))), ".m");
  EXPECT_EQ(order(found_in("\r\n\r" + message(0) + "\n\r\n")), "m");
  EXPECT_EQ(order(found_in("\r\r\n\r\n")), ".");      // the first CR belongs to none
  EXPECT_EQ(order(found_in("\r\n\r\r\n\r\n")), ".");  // nor do the first three octets
  // A message between the halves parts them.
  EXPECT_EQ(order(found_in("\r\n" + message(0) + "\r\n" + message(0))), "mm");
}

TEST(StreamFramerTest, NothingBetweenMessagesNeedsToBeKept) {
  for (const std::string_view octets : {"\r", "\n", "\r\n", "\r\n\r", "\r\n\r\n", "\r\n\r\n\r"}) {
    Stream stream(kMessageOctetsMax);
    stream.receive(octets);
    EXPECT_EQ(stream.kept(), 0u);
  }
  StreamFramer framer(kMessageOctetsMax);
  EXPECT_EQ(framer.next("\r\n\rOPT").length, 3u);
  EXPECT_EQ(framer.next("OPT").kind, Kind::More);
}

TEST(StreamFramerTest, RefusesAtOnceWhatBeginsNoMessage) {
  for (const std::string_view octets :
       {std::string_view("\x16\x03\x01\x02"), std::string_view("\0\0", 2), std::string_view("\x80"),
        std::string_view(" OPTIONS"), std::string_view("\tOPTIONS"), std::string_view("<?xml"),
        std::string_view("\x7f")}) {
    const Frame frame = StreamFramer(kMessageOctetsMax).next(octets.substr(0, 1));
    EXPECT_EQ(frame.kind, Kind::Broken);
    EXPECT_EQ(frame.fault, FrameFault::NotSip);
    EXPECT_EQ(frame.length, 0u);
    EXPECT_EQ(order(found_in("\r\n\r\n" + message(0) + std::string(octets))), ".mnot_sip");
  }
}

TEST(StreamFramerTest, RefusesAnotherProtocolsFirstLineAsSoonAsItIsWhole) {
  for (const std::string_view line :
       {"GET / HTTP/1.1\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "OPTIONS sip:a SIP/2.0 \r\n",
        "OPTIONS\r\n", "OPTIONS sip:a\x01 SIP/2.0\r\n", "OPTIONS sip:a SIP/2.0\nX: 1\r\n"}) {
    EXPECT_EQ(StreamFramer(kMessageOctetsMax).next(line.substr(0, line.size() - 1)).kind,
              Kind::More);
    const std::vector<Found> found = found_in(line);
    ASSERT_EQ(order(found), "not_sip") << line;
    EXPECT_EQ(found[0].text, "");
  }
}

TEST(StreamFramerTest, FramesAStartLineThatScanRefuses) {
  // It can't be answered, but it is SIP, and the next message may be better.
  EXPECT_EQ(order(found_in("OPTIONS  sip:a SIP/2.0\r\nl: 0\r\n\r\n" + message(0))), "mm");
  EXPECT_EQ(order(found_in("OPTIONS sip:a SIP/7.0\r\nl: 0\r\n\r\n")), "m");
  EXPECT_EQ(order(found_in("SIP/2.0 20 OK\r\nl: 0\r\n\r\n")), "m");
}

TEST(StreamFramerTest, ReadsContentLengthInEachOfItsForms) {
  for (const std::string_view line :
       {"Content-Length: 5", "content-length:5", "CONTENT-LENGTH : 5 ", "l: 5", "L:5", "l \t:\t5\t",
        "Content-Length:\r\n 5", "l:\r\n\t5\r\n ", "Content-Length: 00005"}) {
    const std::string octets = head(std::string(line) + "\r\nX: 1\r\n") + "12345";
    const std::vector<Found> found = found_in(octets + message(0));
    ASSERT_EQ(order(found), "mm") << line;
    EXPECT_EQ(found[0].text, octets);
  }
}

TEST(StreamFramerTest, TakesNothingElseForAContentLength) {
  EXPECT_EQ(fault_of_head(""), FrameFault::NoLength);
  for (const std::string_view line :
       {"Content-Lengths: 5", "Content-Language: 5", "Content-Type: 5", "ll: 5",
        "X: Content-Length: 5", "X: 1\r\n Content-Length: 5", "X: 1\nContent-Length: 5",
        "X: 1\rContent-Length: 5", " l: 5", "l\r\n : 5", "Content-Length",
        "Content-Length: 5\x01"}) {
    EXPECT_EQ(fault_of_head(std::string(line) + "\r\n"), FrameFault::NoLength) << line;
    EXPECT_EQ(fault_of_head("Content-Length: 0\r\nX: 1\r\n" + std::string(line) + "\r\n"),
              FrameFault::None);
  }
}

TEST(StreamFramerTest, RefusesWhatIsNoLength) {
  for (const std::string_view value :
       {"4294967301", "18446744073709551621", "4294967296", "-1", "+5", "5 5", "5,5", "0x5", "5.",
        "", " ", "5;", "five", "99999999999999999999999999999999999999999999999999"}) {
    EXPECT_EQ(fault_of_head("Content-Length: " + std::string(value) + "\r\nX: 1\r\n"),
              FrameFault::BadLength)
        << value;
  }
}

TEST(StreamFramerTest, RefusesTwoLengthsThoughTheyAreEqual) {
  EXPECT_EQ(fault_of_head("Content-Length: 0\r\nContent-Length: 0\r\n"), FrameFault::BadLength);
  EXPECT_EQ(fault_of_head("Content-Length: 0\r\nX: 1\r\nl: 4\r\n"), FrameFault::BadLength);
  EXPECT_EQ(fault_of_head("l: 0\r\nL: 0\r\n"), FrameFault::BadLength);
}

TEST(StreamFramerTest, TakesAMessageOfExactlyTheLimit) {
  const std::string octets = message(10);
  EXPECT_EQ(order(found_in(octets + octets, octets.size())), "mm");
  EXPECT_EQ(order(found_in(message(0) + message(0), message(0).size())), "mm");
  EXPECT_EQ(order(found_in("\r\n\r\n", 1)), ".");  // pings are no messages
  EXPECT_EQ(order(found_whole(message(65535 - head("").size() - 35), 65535)), "m");
}

TEST(StreamFramerTest, RefusesAMessageOfOneOctetMore) {
  const std::string octets = message(10);
  const std::vector<Found> found = found_in(octets, octets.size() - 1);
  ASSERT_EQ(order(found), "message_too_long");
  EXPECT_EQ(found[0].text, octets.substr(0, octets.size() - 10));
  EXPECT_EQ(fault_of_head("l: 65536\r\n"), FrameFault::MessageTooLong);
  EXPECT_EQ(fault_of_head("l: 4294967295\r\n"), FrameFault::MessageTooLong);
}

TEST(StreamFramerTest, RefusesAHeadThatHasNoEndWithinTheLimit) {
  const std::string octets = message(0);
  const std::vector<Found> found = found_in(octets, octets.size() - 1);
  ASSERT_EQ(order(found), "head_too_long");
  EXPECT_EQ(found[0].text, "");
  EXPECT_EQ(order(found_in("OPTIONS", 7)), "head_too_long");
  EXPECT_EQ(order(found_in("OPTIONS", 8)), "");
  EXPECT_EQ(order(found_in("O", 1)), "head_too_long");
}

// Or a head that comes octet by octet would cost the square of its length. What was searched is
// shown again as something that would be found.
TEST(StreamFramerTest, WhatWasSearchedIsNotSearchedAgain) {
  constexpr size_t kMayHaveBegun = 3;  // of the CRLFCRLF at the end of a head
  const std::string octets = message(0);
  StreamFramer framer(kMessageOctetsMax);
  for (size_t length = 1; length < octets.size(); ++length) {
    std::string shown = octets.substr(0, length);
    for (size_t at = 0; at + kMayHaveBegun < length - 1; ++at) shown[at] = "\r\n"[at % 2];
    // The start line is read once it is whole.
    const bool ends_start_line = length == kStart.size();
    ASSERT_EQ(framer.next(ends_start_line ? kStart : shown).kind, Kind::More) << length;
  }
  EXPECT_EQ(framer.next(octets).kind, Kind::Message);
}

TEST(StreamFramerTest, EachFaultHasItsName) {
  EXPECT_EQ(frame_fault_name(FrameFault::None), "none");
  EXPECT_EQ(frame_fault_name(FrameFault::NotSip), "not_sip");
  EXPECT_EQ(frame_fault_name(FrameFault::HeadTooLong), "head_too_long");
  EXPECT_EQ(frame_fault_name(FrameFault::NoLength), "no_length");
  EXPECT_EQ(frame_fault_name(FrameFault::BadLength), "bad_length");
  EXPECT_EQ(frame_fault_name(FrameFault::MessageTooLong), "message_too_long");
}

std::vector<std::string> valid_messages() {
  const auto folder = std::filesystem::path(SIPLB_SOURCE_DIR) / "tests/corpus/valid";
  std::vector<std::string> messages;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    messages.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  std::sort(messages.begin(), messages.end());
  return messages;
}

TEST(StreamFramerPropertyTest, CuttingsMakeNoDifference) {
  const std::vector<std::string> messages = valid_messages();
  ASSERT_FALSE(messages.empty());
  for (unsigned seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    std::string octets;
    for (size_t left = 1 + random() % 6; left != 0; --left) {
      octets += random() % 4 == 0 ? "\r\n\r\n" : messages[random() % messages.size()];
    }
    const std::vector<Found> whole = found_whole(octets, kMessageOctetsMax);
    Stream stream(kMessageOctetsMax);
    const size_t step_max = size_t{1} << random() % 12;
    for (size_t at = 0; at < octets.size();) {
      const size_t length = std::min(octets.size() - at, 1 + random() % step_max);
      stream.receive(std::string_view(octets).substr(at, length));
      at += length;
    }
    ASSERT_EQ(stream.found(), whole) << octets;
  }
}

// Each message of the corpus that says its length is found as scan() reads it.
TEST(StreamFramerPropertyTest, AgreesWithScanAboutEveryValidMessage) {
  size_t framed = 0;
  for (const std::string& octets : valid_messages()) {
    const auto scanned = std::make_unique<Message>();
    ASSERT_EQ(scan(octets, {}, *scanned), ScanStatus::Ok);
    const std::vector<Found> found = found_whole(octets, kMessageOctetsMax);
    ASSERT_FALSE(found.empty()) << octets;
    const auto first = std::find_if(found.begin(), found.end(),
                                    [](const Found& one) { return one.kind != Kind::Ping; });
    const bool has_length = scanned->find(HeaderId::ContentLength) != nullptr;
    EXPECT_EQ(first->fault, has_length ? FrameFault::None : FrameFault::NoLength) << octets;
    if (!has_length) continue;
    EXPECT_EQ(first->text, scanned->text);
    ++framed;
  }
  EXPECT_GT(framed, 10u);
}

TEST(StreamFramerDeathTest, ALimitIsNeitherNothingNorMoreThanAMessage) {
  EXPECT_DEATH(StreamFramer{0}, "assertion failed");
  EXPECT_DEATH(StreamFramer{kMessageOctetsMax + 1}, "assertion failed");
}

}  // namespace
}  // namespace siplb::sip
