#include "proxy/name_waits.h"

#include <array>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/surroundings.h"

namespace siplb::proxy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using Asked = NameWaits::Asked;

NameKey key(std::string_view host) {
  NameKey name;
  name.host.append(host);
  return name;
}

NameBook book_of(std::initializer_list<std::string_view> hosts) {
  NameBook book;
  for (const auto host : hosts) book.emplace(key(host), NameEntry{});
  return book;
}

class NameWaitsTest : public testing::Test {
 protected:
  [[nodiscard]] uint64_t refused(NameRefusal reason) const {
    return counters_.names_refused[reason].value();
  }
  void fill() {
    for (ResponseContext& context : contexts_) {
      ASSERT_EQ(waits_.add(context, key("a.example"), now_), Asked::Yes);
    }
  }

  Instant now_{std::chrono::hours(1)};
  test::AskLog asks_;
  LaneCounters counters_{0, 0};
  NameWaits waits_{asks_, counters_};
  std::array<ResponseContext, NameWaits::kWaitsMax> contexts_;
  ResponseContext late_;
};

TEST_F(NameWaitsTest, NobodyWaitsAtFirst) {
  EXPECT_THAT(waits_.take_known(book_of({"a.example"})), IsEmpty());
}

TEST_F(NameWaitsTest, LetsGoOfThoseWhoseNamesAreKnownInTheirOrder) {
  ASSERT_EQ(waits_.add(contexts_[2], key("a.example"), now_), Asked::Yes);
  ASSERT_EQ(waits_.add(contexts_[1], key("b.example"), now_), Asked::Yes);
  ASSERT_EQ(waits_.add(contexts_[0], key("a.example"), now_), Asked::Yes);
  EXPECT_THAT(waits_.take_known(book_of({"c.example"})), IsEmpty());
  EXPECT_EQ(counters_.names_awaited.value(), 3U);
  EXPECT_THAT(waits_.take_known(book_of({"a.example"})), ElementsAre(&contexts_[2], &contexts_[0]));
  EXPECT_THAT(waits_.take_known(book_of({"a.example", "b.example"})), ElementsAre(&contexts_[1]));
  EXPECT_EQ(counters_.names_awaited.value(), 0U);
}

TEST_F(NameWaitsTest, AsksOnceForANameThatSomebodyWaitsFor) {
  ASSERT_EQ(waits_.add(contexts_[0], key("a.example"), now_), Asked::Yes);
  EXPECT_EQ(waits_.add(contexts_[1], key("a.example"), now_), Asked::Yes);
  EXPECT_EQ(waits_.ask(key("a.example"), now_), Asked::Yes);
  EXPECT_EQ(waits_.ask(key("b.example"), now_), Asked::Yes);
  EXPECT_THAT(asks_.asked, ElementsAre(key("a.example"), key("b.example")));
}

TEST_F(NameWaitsTest, HasPatienceFromWhenEachCame) {
  ASSERT_EQ(waits_.add(contexts_[0], key("a.example"), now_), Asked::Yes);
  const Instant later = now_ + std::chrono::seconds(1);
  ASSERT_EQ(waits_.add(contexts_[1], key("a.example"), later), Asked::Yes);
  EXPECT_EQ(waits_.until(contexts_[0]), now_ + NameWaits::kPatience);
  EXPECT_EQ(waits_.until(contexts_[1]), later + NameWaits::kPatience);
}

TEST_F(NameWaitsTest, WhoIsRemovedIsNotFound) {
  ASSERT_EQ(waits_.add(contexts_[0], key("a.example"), now_), Asked::Yes);
  ASSERT_EQ(waits_.add(contexts_[1], key("a.example"), now_), Asked::Yes);
  waits_.remove(contexts_[0]);
  EXPECT_THAT(waits_.take_known(book_of({"a.example"})), ElementsAre(&contexts_[1]));
}

TEST_F(NameWaitsTest, RefusesAtCapacity) {
  fill();
  EXPECT_EQ(waits_.add(late_, key("b.example"), now_), Asked::No);
  EXPECT_EQ(refused(NameRefusal::NoRoom), 1U);
  EXPECT_THAT(asks_.asked, SizeIs(1));
  EXPECT_EQ(counters_.names_awaited.value(), NameWaits::kWaitsMax);
}

TEST_F(NameWaitsTest, HasRoomAgainWhenSomeHaveGone) {
  fill();
  waits_.remove(contexts_[7]);
  EXPECT_EQ(waits_.add(late_, key("a.example"), now_), Asked::Yes);
  EXPECT_THAT(waits_.take_known(book_of({"a.example"})), SizeIs(NameWaits::kWaitsMax));
  fill();
  EXPECT_EQ(refused(NameRefusal::NoRoom), 0U);
}

TEST_F(NameWaitsTest, NobodyWaitsForWhatCantBeAsked) {
  asks_.status = AskStatus::Full;
  EXPECT_EQ(waits_.add(contexts_[0], key("a.example"), now_), Asked::No);
  asks_.status = AskStatus::TooMany;
  EXPECT_EQ(waits_.ask(key("a.example"), now_), Asked::No);
  EXPECT_EQ(refused(NameRefusal::MailboxFull), 1U);
  EXPECT_EQ(refused(NameRefusal::Rate), 1U);
  EXPECT_THAT(waits_.take_known(book_of({"a.example"})), IsEmpty());
}

}  // namespace
}  // namespace siplb::proxy
