#include "health/probe_message.h"

#include <array>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "support/sip_builder.h"

namespace siplb::health {
namespace {

using test::SipBuilder;

constexpr HashKey kKey{{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}};
constexpr HashKey kOtherKey{{1}};
constexpr ProbeId kId{.server = 258, .sequence = 7, .run = 9};
constexpr std::string_view kSentBy = "10.0.0.1:40000";

class ProbeMessageTest : public testing::Test {
 protected:
  [[nodiscard]] std::string text() const {
    std::array<char, 1024> out;
    return {out.data(), write_probe(request_, out)};
  }
  // What `response` says as an answer to the probe.
  [[nodiscard]] std::optional<ProbeAnswer> read(const std::string& response) {
    EXPECT_EQ(sip::scan(response, {}, *message_), sip::ScanStatus::Ok) << response;
    return read_answer(*message_, request_);
  }

  const ProbeBranch branch_ = probe_branch(kKey, kId, kSentBy);
  ProbeRequest request_{.request_uri = "sip:10.0.0.11:5060",
                        .sent_by = kSentBy,
                        .branch = branch_,
                        .sequence = kId.sequence};
  std::unique_ptr<sip::Message> message_ = std::make_unique<sip::Message>();
};

TEST_F(ProbeMessageTest, BranchBeginsAsLanesKnowIt) {
  EXPECT_TRUE(branch_.view().starts_with(balance::kProbeBranchPrefix));
  EXPECT_EQ(branch_.size(), ProbeBranch::capacity());
}

TEST_F(ProbeMessageTest, BranchDiffersByKeyServerSequenceRunAndSentBy) {
  EXPECT_EQ(probe_branch(kKey, kId, kSentBy), branch_);
  EXPECT_FALSE(probe_branch(kOtherKey, kId, kSentBy) == branch_);
  EXPECT_FALSE(probe_branch(kKey, {259, 7, 9}, kSentBy) == branch_);
  EXPECT_FALSE(probe_branch(kKey, {258, 8, 9}, kSentBy) == branch_);
  EXPECT_FALSE(probe_branch(kKey, {258, 7, 10}, kSentBy) == branch_);
  EXPECT_FALSE(probe_branch(kKey, kId, "10.0.0.1:40001") == branch_);
}

TEST_F(ProbeMessageTest, BranchNamesItsServer) {
  EXPECT_EQ(server_of_branch(branch_), kId.server);
  EXPECT_EQ(server_of_branch(probe_branch(kKey, {.server = 4095}, kSentBy)), 4095);
}

TEST_F(ProbeMessageTest, OtherBranchesNameNoServer) {
  const std::string branch(branch_.view());
  for (const std::string& other :
       {std::string(), std::string("z9hG4bK"), branch.substr(1), branch + "a",
        "z9hG4bKslb" + branch.substr(10), branch.substr(0, branch.size() - 1) + "!"}) {
    EXPECT_FALSE(server_of_branch(other)) << other;
  }
}

TEST_F(ProbeMessageTest, WritesARequestThatScans) {
  const std::string probe = text();
  ASSERT_EQ(sip::scan(probe, {}, *message_), sip::ScanStatus::Ok) << probe;
  EXPECT_TRUE(message_->is_request);
  EXPECT_EQ(message_->method, sip::Method::Options);
  EXPECT_EQ(message_->request_uri, "sip:10.0.0.11:5060");
  EXPECT_EQ(message_->via.branch, branch_.view());
  EXPECT_EQ(message_->via.sent_by, kSentBy);
  EXPECT_TRUE(message_->via.has_rport);
  EXPECT_EQ(message_->via.known_transport(), sip::Transport::Udp);
  EXPECT_EQ(message_->cseq, 7u);
  EXPECT_EQ(message_->max_forwards, 70u);
  EXPECT_EQ(message_->text.size(), probe.size());
  EXPECT_FALSE(message_->from_tag.empty());
  EXPECT_TRUE(message_->to_tag.empty());
}

TEST_F(ProbeMessageTest, SaysItsMethodAndTransport) {
  request_.method = sip::Method::Info;
  request_.transport = sip::Transport::Tcp;
  const std::string probe = text();
  EXPECT_TRUE(probe.starts_with("INFO sip:10.0.0.11:5060 SIP/2.0\r\nVia: SIP/2.0/TCP "));
  EXPECT_NE(probe.find("CSeq: 7 INFO\r\n"), std::string::npos);
}

TEST_F(ProbeMessageTest, WritesNothingThatDoesNotFit) {
  const size_t length = text().size();
  std::string out(length, '\0');
  EXPECT_EQ(write_probe(request_, out), length);
  out.resize(length - 1);
  EXPECT_EQ(write_probe(request_, out), 0u);
}

TEST_F(ProbeMessageTest, TakesItsAnswer) {
  const auto answer = read(SipBuilder::answer_to(text(), 486).str());
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->code, 486);
  EXPECT_EQ(answer->retry_after, std::chrono::seconds(0));
}

TEST_F(ProbeMessageTest, PassesOverWhatIsNoFinalAnswerToIt) {
  const SipBuilder answer = SipBuilder::answer_to(text(), 200);
  const std::string via = "SIP/2.0/UDP " + std::string(kSentBy) + ";branch=";
  const auto other = probe_branch(kKey, {258, 8, 9}, kSentBy);
  EXPECT_TRUE(read(SipBuilder(answer).str()));
  EXPECT_FALSE(read(SipBuilder(answer).via(via + std::string(other.view())).str()));
  EXPECT_FALSE(read(SipBuilder(answer).cseq("8 OPTIONS").str()));
  EXPECT_FALSE(read(SipBuilder(answer).cseq("7 INFO").str()));
  EXPECT_FALSE(read(SipBuilder::answer_to(text(), 100).str()));
  EXPECT_FALSE(read(text()));
}

TEST_F(ProbeMessageTest, ReadsRetryAfter) {
  struct Case {
    std::string_view value;
    int seconds;
  };
  for (const Case& each :
       {Case{"18", 18}, Case{"5;duration=60", 5}, Case{"7 (in a meeting)", 7}, Case{"0", 0},
        Case{"soon", 0}, Case{"-1", 0}, Case{"99999999999999999999", 86401}}) {
    const auto answer =
        read(SipBuilder::answer_to(text(), 503).set("Retry-After", each.value).str());
    ASSERT_TRUE(answer) << each.value;
    EXPECT_EQ(answer->retry_after, std::chrono::seconds(each.seconds)) << each.value;
  }
}

}  // namespace
}  // namespace siplb::health
