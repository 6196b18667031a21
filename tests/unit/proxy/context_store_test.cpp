#include "proxy/context_store.h"

#include <string>

#include <gmock/gmock.h>

#include "support/sip_builder.h"

namespace siplb::proxy {
namespace {

using sip::Method;
using test::SipBuilder;
using transaction::Tombstone;

// What one transaction costs: DESIGN 5 and the memory budget count on it.
constexpr size_t kSmallSlot =
    transport::kSlotSizes[static_cast<size_t>(transport::SlotClass::Small)];
static_assert(ContextStore::kSlotOctets == 1088);
static_assert(sizeof(Tombstone) == 32);
static_assert(kSmallSlot == 2048);

sip::BranchHash branch(uint8_t number) {
  sip::BranchHash hash{};
  hash.octets[2] = number;
  return hash;
}

class ContextStoreTest : public testing::Test {
 protected:
  static constexpr Instant kNow{std::chrono::hours(1)};
  static constexpr size_t kContexts = 3;

  ResponseContext& create(uint8_t number, Method method = Method::Invite) {
    ResponseContext* const context = store_->create(branch(number), method);
    EXPECT_NE(context, nullptr);
    return *context;
  }
  ContextStore::Found find(uint8_t number, Method method = Method::Invite, Instant at = kNow) {
    return store_->find(branch(number), method, at);
  }
  [[nodiscard]] uint64_t small_slots_used() const {
    return slots_->pool(transport::SlotClass::Small).counters().used.value();
  }
  // The remnant of an INVITE with `padding` octets in its From.
  bool store_remnant(ResponseContext& context, size_t padding) {
    invite_ = SipBuilder::request()
                  .from("<sip:" + std::string(padding, 'a') + "@example.net>;tag=1")
                  .str();
    EXPECT_EQ(sip::scan(invite_, {}, message_), sip::ScanStatus::Ok);
    return store_->store_remnant(context, message_);
  }

  std::unique_ptr<transport::MessageSlots> slots_ =
      *transport::MessageSlots::reserve({.small_count = 2, .medium_count = 1, .large_count = 1});
  std::unique_ptr<ContextStore> store_ =
      *ContextStore::reserve({.contexts = kContexts, .finished = 2}, *slots_);
  std::string invite_;
  sip::Message message_;
};

TEST_F(ContextStoreTest, FindsNothingWhileItIsEmpty) {
  EXPECT_EQ(find(1).context, nullptr);
  EXPECT_EQ(find(1).tombstone, nullptr);
}

TEST_F(ContextStoreTest, RefusesOneMoreThanItHoldsUntilOneEnds) {
  for (uint8_t i = 0; i < kContexts; ++i) create(i);
  EXPECT_EQ(store_->create(branch(9), Method::Invite), nullptr);
  EXPECT_EQ(find(9).context, nullptr);
  store_->remove(*find(1).context);
  const ResponseContext& again = create(9);
  EXPECT_EQ(find(9).context, &again);
  EXPECT_EQ(find(1).context, nullptr);
  EXPECT_NE(find(0).context, nullptr);
}

// Each round takes the slots of the one before.
TEST_F(ContextStoreTest, BeginsEachContextAnew) {
  for (uint8_t round = 0; round < 4; ++round) {
    for (uint8_t i = 0; i < kContexts; ++i) {
      ResponseContext& context = create(i);
      EXPECT_EQ(context.attempt_count, 0);
      EXPECT_FALSE(context.is_final_sent);
      EXPECT_TRUE(store_->held(context).empty());
      EXPECT_TRUE(store_->remnant(context).empty());
      context.attempt_count = 1;
      context.is_final_sent = true;
    }
    for (uint8_t i = 0; i < kContexts; ++i) store_->finish(*find(i).context, {}, kNow);
  }
}

TEST_F(ContextStoreTest, AnInviteItsAckAndItsCancelAreOne) {
  const ResponseContext& invite = create(1);
  EXPECT_EQ(find(1, Method::Ack).context, &invite);
  EXPECT_EQ(find(1, Method::Cancel).context, &invite);
}

TEST_F(ContextStoreTest, OtherMethodsOfTheSameBranchAreOthers) {
  const ResponseContext& invite = create(1);
  EXPECT_EQ(find(1, Method::Bye).context, nullptr);
  EXPECT_EQ(find(1, Method::Options).context, nullptr);
  const ResponseContext& options = create(1, Method::Options);
  EXPECT_EQ(find(1, Method::Options).context, &options);
  EXPECT_EQ(find(1, Method::Cancel).context, &invite);
}

TEST_F(ContextStoreTest, LeavesATombstoneForItsLife) {
  store_->finish(create(1), {.server = 7, .code = 486, .method = Method::Invite}, kNow);
  const Instant end = kNow + ContextStoreOptions{}.finished_life;
  const auto found = find(1, Method::Ack, end - std::chrono::milliseconds(1));
  ASSERT_NE(found.tombstone, nullptr);
  EXPECT_EQ(found.context, nullptr);
  EXPECT_EQ(found.tombstone->code, 486);
  EXPECT_EQ(found.tombstone->server, 7);
  EXPECT_EQ(find(1, Method::Ack, end).tombstone, nullptr);
}

TEST_F(ContextStoreTest, TheOldestTombstoneGivesWay) {
  for (uint8_t i = 0; i < 3; ++i) store_->finish(create(i), {.code = i}, kNow);
  EXPECT_EQ(find(0).tombstone, nullptr);
  ASSERT_NE(find(1).tombstone, nullptr);
  EXPECT_EQ(find(1).tombstone->code, 1);
  EXPECT_NE(find(2).tombstone, nullptr);
  EXPECT_EQ(store_->table_counters().evicted_early.value(), 1U);
}

TEST_F(ContextStoreTest, LeavesNothingOfWhatIsRemoved) {
  store_->remove(create(1));
  EXPECT_EQ(find(1).context, nullptr);
  EXPECT_EQ(find(1).tombstone, nullptr);
}

TEST_F(ContextStoreTest, HoldsACopyOfItsOwn) {
  ResponseContext& context = create(1);
  std::string request = "OPTIONS";
  ASSERT_TRUE(store_->hold(context, request));
  request.assign(request.size(), 'x');
  EXPECT_EQ(store_->held(context), "OPTIONS");
  ASSERT_TRUE(store_->hold(context, "REGISTER"));
  EXPECT_EQ(store_->held(context), "REGISTER");
  EXPECT_EQ(small_slots_used(), 1U);
  store_->drop_held(context);
  EXPECT_EQ(store_->held(context), "");
  EXPECT_EQ(small_slots_used(), 0U);
}

TEST_F(ContextStoreTest, KeepsAResponseOfSeveralPieces) {
  ResponseContext& context = create(1);
  const std::string_view pieces[] = {"SIP/2.0 486 ", "", "Busy Here\r\n"};
  ASSERT_TRUE(store_->keep(context, pieces));
  EXPECT_EQ(store_->kept(context), "SIP/2.0 486 Busy Here\r\n");
}

TEST_F(ContextStoreTest, HoldsNothingWhereTheSlotsAreOut) {
  ASSERT_TRUE(store_->hold(create(1), "1"));
  ASSERT_TRUE(store_->hold(create(2), "2"));
  const auto medium = slots_->take(4096);
  ResponseContext& context = create(3);
  EXPECT_FALSE(store_->hold(context, "3"));
  EXPECT_EQ(store_->held(context), "");
  store_->drop_held(*find(1).context);
  EXPECT_TRUE(store_->hold(context, "3"));
  EXPECT_EQ(store_->held(context), "3");
  slots_->give_back(*medium);
}

TEST_F(ContextStoreTest, DropsTheOldCopyAlsoWhereThereIsNoRoomForTheNew) {
  ResponseContext& context = create(1);
  ASSERT_TRUE(store_->hold(context, "1"));
  EXPECT_FALSE(store_->hold(context, std::string(70'000, 'x')));
  EXPECT_EQ(store_->held(context), "");
  EXPECT_EQ(small_slots_used(), 0U);
}

TEST_F(ContextStoreTest, PutsARemnantBesideItsContextUpToTheLastOctet) {
  ASSERT_TRUE(store_remnant(create(1), 0));
  const size_t base = store_->remnant(*find(1).context).size();
  ASSERT_LT(base, ContextStore::kChunkOctets);

  ResponseContext& fits = create(2);
  ASSERT_TRUE(store_remnant(fits, ContextStore::kChunkOctets - base));
  EXPECT_EQ(store_->remnant(fits).size(), ContextStore::kChunkOctets);
  EXPECT_EQ(small_slots_used(), 0U);

  ResponseContext& does_not = create(3);
  ASSERT_TRUE(store_remnant(does_not, ContextStore::kChunkOctets - base + 1));
  EXPECT_EQ(store_->remnant(does_not).size(), ContextStore::kChunkOctets + 1);
  EXPECT_EQ(small_slots_used(), 1U);
  EXPECT_THAT(std::string(store_->remnant(does_not)), testing::StartsWith("INVITE sip:bob@"));
}

TEST_F(ContextStoreTest, RefusesALongRemnantWhereTheSlotsAreOut) {
  while (slots_->take(1)) {
  }
  EXPECT_FALSE(store_remnant(create(1), ContextStore::kChunkOctets));
  EXPECT_TRUE(store_remnant(create(2), 0));
}

TEST_F(ContextStoreTest, TheEndGivesBackAllThatAContextHad) {
  ResponseContext& context = create(1);
  ASSERT_TRUE(store_remnant(context, ContextStore::kChunkOctets));
  ASSERT_TRUE(store_->hold(context, "request"));
  const std::string_view final = "final";
  ASSERT_TRUE(store_->keep(context, {&final, 1}));
  store_->wheel().schedule(context, kNow);
  store_->finish(context, {}, kNow);
  EXPECT_EQ(small_slots_used(), 0U);
  EXPECT_EQ(slots_->pool(transport::SlotClass::Medium).counters().used.value(), 0U);
  EXPECT_EQ(store_->wheel().size(), 0U);
  EXPECT_EQ(store_->pool().counters().used.value(), 0U);
}

TEST_F(ContextStoreTest, DiesWithTimersUnderWay) {
  store_->wheel().schedule(create(1), kNow);
  store_.reset();
}

TEST_F(ContextStoreTest, CostsWhatTheMemoryBudgetSays) {
  const auto octets = [](size_t contexts, size_t finished) {
    return ContextStore::memory_octets({.contexts = contexts, .finished = finished});
  };
  const size_t pending = octets(2, 1) - octets(1, 1);
  const size_t finished = octets(1, 2) - octets(1, 1);
  RecordProperty("octets_held", static_cast<int>(pending + kSmallSlot));
  RecordProperty("octets_pending", static_cast<int>(pending));
  RecordProperty("octets_finished", static_cast<int>(finished));
  RecordProperty("octets_context", static_cast<int>(sizeof(ResponseContext)));
  // Its slot, the pointer to it, its link and bucket in the table.
  EXPECT_EQ(pending, ContextStore::kSlotOctets + sizeof(ResponseContext*) + 16 + 4);
  EXPECT_EQ(finished, sizeof(Tombstone) + 4);
}

}  // namespace
}  // namespace siplb::proxy
