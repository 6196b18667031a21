// One lane between a client side and a server side, with two servers, on a fake wire.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/lane.h"
#include "sip/quote.h"
#include "support/fake_wire.h"
#include "support/sip_builder.h"
#include "support/snapshot.h"
#include "support/surroundings.h"

namespace siplb::proxy {

inline SockAddress address_of(std::string_view text) {
  const auto address = SockAddress::parse(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address.value_or(SockAddress{});
}

inline constexpr transport::ListenerIndex kPublic = 0;
inline constexpr transport::ListenerIndex kInside = 1;
inline constexpr balance::GroupIndex kPbx = 0;
inline constexpr balance::GroupIndex kVoicemail = 1;

// pbx has s1 and s2 under maglev, voicemail has v1 and v2 under round-robin; pbx calls voicemail.
inline test::SnapshotInput two_groups() {
  using transport::ListenerRole;
  RouteOptions from_pbx{.name = "no-answer", .from_group = kPbx, .group = kVoicemail};
  RouteOptions refuse{.name = "no-publish",
                      .methods = 1U << static_cast<unsigned>(sip::Method::Publish),
                      .action = RouteAction::Reject,
                      .reject_code = 405,
                      .reject_reason = "Not here"};
  return {.listeners = {{.name = "public", .address = address_of("10.0.0.1:5060")},
                        {.name = "inside",
                         .address = address_of("10.0.1.1:5060"),
                         .role = ListenerRole::Servers}},
          .groups = {{.name = "pbx",
                      .servers = {{.name = "s1", .address = address_of("10.0.2.1:5060")},
                                  {.name = "s2", .address = address_of("10.0.2.2:5060")}}},
                     {.name = "voicemail",
                      .policy = balance::Policy::RoundRobin,
                      .servers = {{.name = "v1", .address = address_of("10.0.3.1:5060")},
                                  {.name = "v2", .address = address_of("10.0.3.2:5060")}}}},
          .routes = {from_pbx, refuse, {.name = "default", .group = kPbx}}};
}

inline transport::Flow from_client(std::string_view address = "192.0.2.1:5060") {
  return {.remote = address_of(address), .listener = kPublic};
}
inline transport::Flow from_server(std::string_view address) {
  return {.remote = address_of(address), .listener = kInside};
}

enum class Opened : uint8_t { ByUs, ByThem };
// The same by a connection, the n-th of its kind.
inline transport::Flow over_stream(transport::Flow flow, Opened opened = Opened::ByThem,
                                   uint32_t n = 1) {
  flow.transport = sip::Transport::Tcp;
  flow.connection =
      transport::ConnectionId({.is_outbound = opened == Opened::ByUs, .slot = n, .generation = 1});
  return flow;
}
// The same two groups, where all sides and servers have TCP and `servers` have no other transport.
inline test::SnapshotInput over_tcp(test::SnapshotInput input, sip::Transport servers) {
  for (auto& listener : input.listeners) {
    listener.transports = {sip::Transport::Udp, sip::Transport::Tcp};
  }
  for (auto& group : input.groups) {
    for (auto& server : group.servers) server.transport = servers;
  }
  return input;
}

// A request as clients send it over TCP.
inline test::SipBuilder tcp_request(sip::Method method = sip::Method::Invite) {
  return test::SipBuilder::request(method).via("SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1");
}

class LaneTest : public testing::Test {
 protected:
  static constexpr Tick kTick{.now = Instant(std::chrono::hours(1)), .today = 20000};

  // Delivers one message and returns what was sent because of it.
  std::vector<test::SentMessage> deliver(const transport::Flow& flow, std::string text) {
    lane_->receive({.octets = text, .flow = flow}, scratch_, tick_);
    EXPECT_EQ(counters_.difference(), 0);
    return wire_.take();
  }
  // Lets time pass until `after` the start, the timers firing when they are due, and returns what
  // was sent meanwhile. Counts in `wake_ups_` how often the lane asked to be woken.
  std::vector<test::SentMessage> wait_until(Duration after) {
    const Instant end = kTick.now + after;
    for (auto next = lane_->next_deadline(); next && *next <= end; next = lane_->next_deadline()) {
      tick_.now = std::max(tick_.now, *next);
      lane_->run_timers(tick_);
      ++wake_ups_;
    }
    tick_.now = end;
    return wire_.take();
  }
  // The kernel says that `message` did not arrive. Returns what was sent because of that.
  std::vector<test::SentMessage> undelivered(const test::SentMessage& message) {
    const auto quote = sip::read_quote(message.text);
    EXPECT_TRUE(quote.has_value());
    if (quote) lane_->on_undelivered(*quote, message.to.remote, tick_);
    return wire_.take();
  }
  // `message` was queued for a stream and never left. Returns what was sent because of that.
  std::vector<test::SentMessage> unsent(const test::SentMessage& message) {
    const auto quote = sip::read_quote(message.text);
    EXPECT_TRUE(quote.has_value());
    if (quote) lane_->on_unsent(*quote, tick_);
    return wire_.take();
  }
  // The stream has ended that `message` was sent by.
  std::vector<test::SentMessage> disconnected(const test::SentMessage& message) {
    lane_->on_disconnected(stream_of(message), tick_);
    return wire_.take();
  }
  // From now on that name leads there. Returns what was sent because of that.
  std::vector<test::SentMessage> publish(std::string_view host, NameEntry entry) {
    around_->book.insert_or_assign(name_of(host), std::move(entry));
    lane_->on_names(tick_);
    return wire_.take();
  }
  // The name in the URI "sip:HOST", where that may say port and transport as well.
  static NameKey name_of(std::string_view host) {
    const std::string text = "sip:" + std::string(host);
    sip::Uri uri;
    EXPECT_TRUE(sip::parse_uri(text, uri)) << host;
    const auto name = read_name(uri);
    EXPECT_TRUE(name.has_value()) << host;
    return name.value_or(NameKey{});
  }
  static NameEntry leading_to(std::string_view address) {
    return {.places = {{.address = address_of(address), .transport = {}}},
            .ask_at = Instant::max()};
  }
  // The stream by which a server got `message`, and answers.
  static transport::Flow stream_of(const test::SentMessage& message) {
    const bool is_named = !message.to.connection.is_none() || !message.to.is_stream();
    return is_named ? message.to : over_stream(message.to, Opened::ByUs);
  }
  // As deliver, where exactly one message must leave.
  test::SentMessage relay(const transport::Flow& flow, std::string text) {
    const auto sent = deliver(flow, std::move(text));
    EXPECT_EQ(sent.size(), 1U);
    return sent.empty() ? test::SentMessage{} : sent.front();
  }
  // What a server says to `request`, from where it got it.
  std::vector<test::SentMessage> answer(const test::SentMessage& request, uint16_t code) {
    return deliver(stream_of(request), test::SipBuilder::answer_to(request.text, code)
                                           .to("<sip:bob@example.com>;tag=b1")
                                           .contact("<sip:bob@10.0.2.9:5070>")
                                           .str());
  }
  // A lane of another configuration, of as many servers and groups, without calls.
  void configure(const test::SnapshotInput& input) {
    lane_.reset();
    snapshot_ = test::make_snapshot(input);
    around_.emplace(snapshot_);
    contexts_ = make_contexts();
    lane_.emplace(LaneOptions{}, around_->outlook, parts());
  }
  [[nodiscard]] uint32_t inflight(size_t server) const {
    return around_->load.inflight(static_cast<balance::ServerIndex>(server));
  }
  // Takes every slot that a request could be held in.
  void take_all_slots() {
    while (held_->take(1)) {
    }
  }
  [[nodiscard]] uint64_t slots_used() const {
    return held_->pool(transport::SlotClass::Small).counters().used.value() +
           held_->pool(transport::SlotClass::Medium).counters().used.value();
  }
  [[nodiscard]] uint64_t contexts_used() const { return contexts_->pool().counters().used.value(); }
  // Loses all transactions but keeps the affinity, as a new process would that was handed its
  // table.
  void forget_transactions() {
    lane_.reset();
    contexts_ = make_contexts();
    lane_.emplace(LaneOptions{}, around_->outlook, parts());
  }
  // The text scanned into the fixture's message; it lives until the next call.
  const sip::Message& scanned(std::string text) {
    text_ = std::move(text);
    EXPECT_EQ(sip::scan(text_, {}, scratch_), sip::ScanStatus::Ok);
    return scratch_;
  }

  std::vector<balance::AffinityEntry> calls_{64};
  std::vector<balance::AffinityEntry> others_{64};
  std::vector<MovedFlow> moved_{64};
  proxy::Snapshot snapshot_ = test::make_snapshot(two_groups());
  std::optional<test::Surroundings> around_{std::in_place, snapshot_};
  test::FakeWire wire_;
  LaneCounters counters_{snapshot_.topology.servers().size(), snapshot_.topology.groups().size()};
  EventBell bell_;
  EventRing events_{bell_};
  std::unique_ptr<transport::MessageSlots> held_ =
      *transport::MessageSlots::reserve({.small_count = 64, .medium_count = 4, .large_count = 4});
  std::unique_ptr<ContextStore> contexts_ = make_contexts();
  std::optional<Lane> lane_{std::in_place, LaneOptions{}, around_->outlook, parts()};
  sip::Message scratch_;
  std::string text_;
  Tick tick_ = kTick;
  size_t wake_ups_ = 0;

 private:
  std::unique_ptr<ContextStore> make_contexts() {
    return *ContextStore::reserve({.contexts = 64, .finished = 64}, *held_);
  }
  Lane::Parts parts() {
    return {.memory = {calls_, others_, moved_, *contexts_},
            .wire = wire_,
            .counters = counters_,
            .events = events_,
            .load = around_->load,
            .calls = around_->calls,
            .health = around_->health,
            .names = around_->names};
  }
};

}  // namespace siplb::proxy
