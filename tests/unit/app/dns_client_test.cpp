#include "app/dns_client.h"

#include <deque>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/name_server.h"

namespace siplb::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::DnsMessage;
using testing::ElementsAre;
using testing::SizeIs;
using News = DnsClient::News;

// Asks what the test gives it, one after the other, and keeps what is said.
class Asker final : public QuestionSource {
 public:
  [[nodiscard]] Instant next_due() const override {
    return questions.empty() ? Instant::max() : Instant::min();
  }
  [[nodiscard]] std::optional<Question> take_due(Instant /*now*/) override {
    if (questions.empty()) return std::nullopt;
    const Question question = questions.front();
    questions.pop_front();
    return question;
  }
  void on_answer(const Question& question, Answer answer, Instant now) override {
    answered.push_back(question.host);
    answers.push_back(std::move(answer));
    at = now;
  }

  std::deque<Question> questions;
  std::vector<std::string> answered;
  std::vector<Answer> answers;
  Instant at{};
};

class DnsClientTest : public testing::Test {
 protected:
  DnsClientTest() {
    auto client = DnsClient::create({.nameservers = {server_.address()}, .queries_max = 2}, asker_);
    EXPECT_TRUE(client) << describe(client.error());
    if (client) client_ = std::move(*client);
  }
  News run_next() {
    pollfd poll{.fd = client_->descriptor(), .events = POLLIN, .revents = 0};
    ::poll(&poll, 1, test::kPatienceMs);
    return client_->run(now_);
  }

  Instant now_ = Clock::now();
  test::NameServer server_;
  Asker asker_;
  std::unique_ptr<DnsClient> client_;  // asks for asker_: ends before it
};

TEST_F(DnsClientTest, SleepsAsLongAsNothingIsAsked) {
  EXPECT_EQ(client_->run(now_), News::Nothing);
  EXPECT_EQ(client_->next_deadline(), Instant::max());
  asker_.questions.push_back({"a.example", RecordType::A});
  EXPECT_LE(client_->next_deadline(), now_);
}

TEST_F(DnsClientTest, HandsOverWhatTheNameServerSays) {
  asker_.questions.push_back({"a.example.", RecordType::A});
  EXPECT_EQ(client_->run(now_), News::Nothing);
  const auto query = server_.take();
  EXPECT_EQ(query.host, "a.example.");
  EXPECT_EQ(query.type, ns_t_a);
  server_.reply(query, DnsMessage(query.octets).address(60, "192.0.2.7"));
  now_ += seconds(1);
  EXPECT_EQ(run_next(), News::Answers);
  ASSERT_THAT(asker_.answers, SizeIs(1));
  EXPECT_THAT(asker_.answered, ElementsAre("a.example."));
  EXPECT_THAT(asker_.answers[0].addresses, ElementsAre(*SockAddress::parse_ip("192.0.2.7", 0)));
  EXPECT_EQ(asker_.answers[0].ttl, seconds(60));
  EXPECT_EQ(asker_.at, now_);
}

TEST_F(DnsClientTest, AsksNoMoreAtATimeThanItMay) {
  for (const char* const host : {"a.example.", "b.example.", "c.example."}) {
    asker_.questions.push_back({host, RecordType::A});
  }
  static_cast<void>(client_->run(now_));
  EXPECT_THAT(asker_.questions, SizeIs(1));
  EXPECT_GT(client_->next_deadline(), now_) << "it must not spin";
  const auto query = server_.take();
  server_.reply(query, DnsMessage(query.octets).set_code(ns_r_nxdomain));
  EXPECT_EQ(run_next(), News::Answers);
  EXPECT_THAT(asker_.questions, SizeIs(0));
}

TEST_F(DnsClientTest, FindsACompleteNameInTheHostsFile) {
  for (const char* const host : {"localhost", "localhost."}) {
    asker_.questions.push_back({host, RecordType::A});
  }
  EXPECT_EQ(client_->run(now_), News::Answers);
  ASSERT_THAT(asker_.answers, SizeIs(2));
  for (const Answer& answer : asker_.answers) {
    EXPECT_THAT(answer.addresses, testing::Contains(*SockAddress::parse_ip("127.0.0.1", 0)));
  }
  EXPECT_FALSE(server_.has_query());
}

TEST_F(DnsClientTest, EndsWithQuestionsUnderWay) {
  asker_.questions.push_back({"a.example.", RecordType::A});
  static_cast<void>(client_->run(now_));
  client_.reset();
  ASSERT_THAT(asker_.answers, SizeIs(1));
  EXPECT_EQ(asker_.answers[0].result, LookupResult::Failed);
}

}  // namespace
}  // namespace siplb::app
