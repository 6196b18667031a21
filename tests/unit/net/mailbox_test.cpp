#include "net/mailbox.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "net/event_loop.h"

namespace siplb::net {
namespace {

struct Tag {
  uint32_t poster = 0;
  uint32_t number = 0;
};

const MailHeader kHeader = MailHeader::of(Tag{});
const std::string kSmall(10, 's');
const std::string kLarge(Mailbox::kSmallOctetsMax + 1, 'l');

std::unique_ptr<Mailbox> open_mailbox(const MailboxOptions& options) {
  auto mailbox = Mailbox::open(options);
  if (!mailbox) {
    ADD_FAILURE() << describe(mailbox.error());
    std::abort();
  }
  return std::move(*mailbox);
}

std::vector<std::string> drain_all(Mailbox& mailbox, size_t max = Mailbox::kDrainMax) {
  std::vector<std::string> taken;
  const size_t count = mailbox.drain(
      max, [&](const Mail& mail) { taken.emplace_back(mail.octets.data(), mail.octets.size()); });
  EXPECT_EQ(count, taken.size());
  return taken;
}

TEST(MailboxTest, GivesNothingWhenEmpty) {
  const auto mailbox = open_mailbox({.small_count = 4, .large_count = 2});
  EXPECT_TRUE(drain_all(*mailbox).empty());
}

TEST(MailboxTest, CarriesHeaderAndOctets) {
  const auto mailbox = open_mailbox({.small_count = 4, .large_count = 2});
  ASSERT_EQ(
      mailbox->post(MailClass::Urgent, MailHeader::of(Tag{.poster = 7, .number = 9}), "INVITE"),
      PostStatus::Posted);
  const size_t count = mailbox->drain(1, [](const Mail& mail) {
    EXPECT_EQ(mail.header.as<Tag>().poster, 7U);
    EXPECT_EQ(mail.header.as<Tag>().number, 9U);
    EXPECT_EQ(std::string_view(mail.octets.data(), mail.octets.size()), "INVITE");
    mail.octets[0] = 'i';
  });
  EXPECT_EQ(count, 1U);
}

TEST(MailboxTest, RefusesPerSizeWhenFull) {
  const auto mailbox = open_mailbox({.small_count = 4, .large_count = 2});
  for (int i = 0; i < 4; ++i)
    ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, kSmall), PostStatus::Posted);
  EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, kSmall), PostStatus::SmallFull);
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, kLarge), PostStatus::Posted);
  EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, kLarge), PostStatus::LargeFull);

  EXPECT_EQ(drain_all(*mailbox, 2), (std::vector<std::string>{kSmall, kLarge}));
  EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, kSmall), PostStatus::Posted);
  EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, kSmall), PostStatus::SmallFull);
  EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, kLarge), PostStatus::Posted);
  EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, kLarge), PostStatus::LargeFull);
  EXPECT_EQ(drain_all(*mailbox).size(), 6U);
}

TEST(MailboxTest, RefusesNewWorkInTheLastQuarterAndTakesUrgentMailUntilFull) {
  const auto mailbox = open_mailbox({.small_count = 8, .large_count = 4});
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(mailbox->post(MailClass::NewWork, kHeader, kSmall), PostStatus::Posted) << i;
  }
  EXPECT_EQ(mailbox->post(MailClass::NewWork, kHeader, kSmall), PostStatus::SmallFull);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(mailbox->post(MailClass::NewWork, kHeader, kLarge), PostStatus::Posted) << i;
  }
  EXPECT_EQ(mailbox->post(MailClass::NewWork, kHeader, kLarge), PostStatus::LargeFull);

  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, kSmall), PostStatus::Posted) << i;
    EXPECT_EQ(mailbox->post(MailClass::NewWork, kHeader, kSmall), PostStatus::SmallFull) << i;
  }
  EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, kSmall), PostStatus::SmallFull);
  EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, kLarge), PostStatus::Posted);
  EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, kLarge), PostStatus::LargeFull);
  EXPECT_EQ(drain_all(*mailbox).size(), 12U);
}

TEST(MailboxTest, KeepsTheQuarterAsItWraps) {
  const auto mailbox = open_mailbox({.small_count = 8, .large_count = 2});
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(mailbox->post(MailClass::NewWork, kHeader, "n"), PostStatus::Posted);
  }
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, "u"), PostStatus::Posted) << i;
    ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, "u"), PostStatus::Posted) << i;
    ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, "u"), PostStatus::SmallFull) << i;
    ASSERT_EQ(drain_all(*mailbox, 2).size(), 2U);
    ASSERT_EQ(mailbox->post(MailClass::NewWork, kHeader, "n"), PostStatus::SmallFull) << i;
    ASSERT_EQ(drain_all(*mailbox, 1).size(), 1U);
    ASSERT_EQ(mailbox->post(MailClass::NewWork, kHeader, "n"), PostStatus::Posted) << i;
  }
}

TEST(MailboxTest, KeepsOneOfTwoCellsForUrgentMail) {
  const auto mailbox = open_mailbox({.small_count = 2, .large_count = 2});
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(mailbox->post(MailClass::NewWork, kHeader, "n"), PostStatus::Posted);
    EXPECT_EQ(mailbox->post(MailClass::NewWork, kHeader, "n"), PostStatus::SmallFull);
    EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, "u"), PostStatus::Posted);
    EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, "u"), PostStatus::SmallFull);
    EXPECT_EQ(drain_all(*mailbox), (std::vector<std::string>{"n", "u"}));
  }
}

TEST(MailboxTest, KeepsTheCellUntilTheHandlerReturned) {
  const auto mailbox = open_mailbox({.small_count = 2, .large_count = 2});
  ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, "1"), PostStatus::Posted);
  ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, "2"), PostStatus::Posted);
  mailbox->drain(1, [&](const Mail& mail) {
    EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, "3"), PostStatus::SmallFull);
    EXPECT_EQ(mail.octets[0], '1');
  });
  EXPECT_EQ(mailbox->post(MailClass::Urgent, kHeader, "3"), PostStatus::Posted);
}

TEST(MailboxTest, KeepsOrderAsItWraps) {
  const auto mailbox = open_mailbox({.small_count = 4, .large_count = 2});
  for (int i = 0; i < 1000; ++i) {
    const std::string first = std::to_string(2 * i);
    const std::string second = std::to_string(2 * i + 1);
    ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, first), PostStatus::Posted);
    ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, second), PostStatus::Posted);
    std::vector<std::string> expected = {first, second};
    if (i % 2 == 0) {
      ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, ""), PostStatus::Posted);
      expected.emplace_back();
    }
    ASSERT_EQ(drain_all(*mailbox), expected);
  }
}

TEST(MailboxTest, TakesUpTo64KiB) {
  const auto mailbox = open_mailbox({.small_count = 2, .large_count = 2});
  const size_t sizes[] = {0, Mailbox::kSmallOctetsMax, Mailbox::kSmallOctetsMax + 1,
                          Mailbox::kLargeOctetsMax};
  for (const size_t size : sizes) {
    const std::string octets(size, 'x');
    ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, octets), PostStatus::Posted) << size;
    EXPECT_EQ(drain_all(*mailbox), std::vector<std::string>{octets});
  }
  EXPECT_EQ(
      mailbox->post(MailClass::Urgent, kHeader, std::string(Mailbox::kLargeOctetsMax + 1, 'x')),
      PostStatus::TooLong);
  EXPECT_TRUE(drain_all(*mailbox).empty());
}

TEST(MailboxTest, TakesNoMoreThanAskedAndBothSizesInTurn) {
  const auto mailbox = open_mailbox({.small_count = 8, .large_count = 8});
  for (int i = 0; i < 8; ++i)
    ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, kSmall), PostStatus::Posted);
  for (int i = 0; i < 8; ++i)
    ASSERT_EQ(mailbox->post(MailClass::Urgent, kHeader, kLarge), PostStatus::Posted);
  EXPECT_TRUE(drain_all(*mailbox, 0).empty());
  EXPECT_EQ(drain_all(*mailbox, 3), (std::vector<std::string>{kSmall, kLarge, kSmall}));
  EXPECT_EQ(drain_all(*mailbox).size(), 13U);
}

TEST(MailboxTest, NamesItsMemory) {
  EXPECT_GE(Mailbox::memory_octets({.small_count = 1024, .large_count = 16}),
            1024 * Mailbox::kSmallOctetsMax + 16 * Mailbox::kLargeOctetsMax);
  EXPECT_LE(Mailbox::memory_octets({.small_count = 1024, .large_count = 16}),
            1024 * (Mailbox::kSmallOctetsMax + 256) + 17 * (Mailbox::kLargeOctetsMax + 256));
}

// A worker: mailbox and loop, as they are meant to be used together.
class Receiver {
 public:
  explicit Receiver(const MailboxOptions& options)
      : mailbox_(open_mailbox(options)), loop_(std::move(*EventLoop::create(1))) {}

  PostStatus post(MailClass mail_class, Tag tag, std::string_view octets) {
    const PostStatus status = mailbox_->post(mail_class, MailHeader::of(tag), octets);
    if (status == PostStatus::Posted) loop_->wake();
    return status;
  }

  // Takes messages until `expected_count` came. Ends the test program when it slept in vain, since
  // the posters could not be stopped then.
  template <class OnMail>
  void receive(size_t expected_count, OnMail&& on_mail) {
    constexpr auto kInVain = std::chrono::seconds(30);
    for (size_t count = 0; count < expected_count;) {
      const Instant deadline = Clock::now() + kInVain;
      if (loop_->wait(deadline) >= deadline) {
        ADD_FAILURE() << "not woken for message " << count << " of " << expected_count;
        std::abort();
      }
      size_t taken = 0;
      do {
        taken = mailbox_->drain(Mailbox::kDrainMax, on_mail);
        count += taken;
      } while (taken == Mailbox::kDrainMax);
    }
  }

 private:
  std::unique_ptr<Mailbox> mailbox_;
  std::unique_ptr<EventLoop> loop_;
};

TEST(MailboxTest, LosesAndMixesNothingBetweenThreads) {
  constexpr uint32_t kPosters = 3;
  constexpr uint32_t kEach = 20'000;
  Receiver receiver({.small_count = 64, .large_count = 2});
  std::vector<std::thread> posters;
  for (uint32_t poster = 0; poster < kPosters; ++poster) {
    posters.emplace_back([&receiver, poster] {
      for (uint32_t number = 0; number < kEach; ++number) {
        const size_t size = number % 50 == 0 ? Mailbox::kSmallOctetsMax + 1 : number % 100;
        const std::string octets(size, static_cast<char>('a' + poster));
        const Tag tag = {.poster = poster, .number = number};
        const MailClass mail_class = poster == 0 ? MailClass::Urgent : MailClass::NewWork;
        while (receiver.post(mail_class, tag, octets) != PostStatus::Posted)
          std::this_thread::yield();
      }
    });
  }

  struct Seen {
    size_t count = 0;
    int64_t last_small = -1;
    int64_t last_large = -1;
  };
  std::vector<Seen> seen(kPosters);
  size_t fault_count = 0;
  receiver.receive(size_t{kPosters} * kEach, [&](const Mail& mail) {
    const Tag tag = mail.header.as<Tag>();
    Seen& from = seen.at(tag.poster);
    int64_t& last = tag.number % 50 == 0 ? from.last_large : from.last_small;
    const size_t size = tag.number % 50 == 0 ? Mailbox::kSmallOctetsMax + 1 : tag.number % 100;
    const auto octet = static_cast<char>('a' + tag.poster);
    const bool whole =
        mail.octets.size() == size &&
        std::all_of(mail.octets.begin(), mail.octets.end(), [octet](char c) { return c == octet; });
    if (!whole || tag.number <= last) ++fault_count;
    last = tag.number;
    ++from.count;
  });
  for (std::thread& poster : posters) poster.join();
  EXPECT_EQ(fault_count, 0U);
  for (const Seen& from : seen) EXPECT_EQ(from.count, kEach);
}

// The poster waits for each message to be taken, so no later post would make up for a lost wake-up.
TEST(MailboxTest, LosesNoWakeUp) {
  constexpr uint32_t kMessages = 20'000;
  Receiver receiver({.small_count = 2, .large_count = 2});
  std::atomic<uint32_t> taken_count{0};
  std::thread poster([&] {
    for (uint32_t number = 0; number < kMessages; ++number) {
      EXPECT_EQ(receiver.post(MailClass::Urgent, {.poster = 0, .number = number}, "x"),
                PostStatus::Posted);
      taken_count.wait(number);
    }
  });
  uint32_t fault_count = 0;
  receiver.receive(kMessages, [&](const Mail& mail) {
    if (mail.header.as<Tag>().number != taken_count) ++fault_count;
    ++taken_count;
    taken_count.notify_one();
  });
  poster.join();
  EXPECT_EQ(fault_count, 0U);
}

}  // namespace
}  // namespace siplb::net
