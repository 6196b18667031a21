// A worker with two lanes and one listener on loopback, for what shows what workers do.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "net/inherited_sockets.h"
#include "support/loopback.h"
#include "support/sip_builder.h"
#include "support/snapshot.h"
#include "support/surroundings.h"

namespace siplb::test {

class OneWorker {
 public:
  OneWorker() {
    const SockAddress any_port = SockAddress::v4(0x7f000001, 0);
    net::InheritedSockets none;
    auto sockets =
        transport::open_listener_sockets({.name = "edge", .address = any_port, .lanes = 2}, none);
    EXPECT_TRUE(sockets.has_value());
    address = sockets->address;
    const balance::GroupOptions pbx{.name = "pbx",
                                    .servers = {{.name = "s1", .address = any_port.with_port(9)},
                                                {.name = "s2", .address = any_port.with_port(10)}}};
    around = std::make_unique<SharedSurroundings>(
        make_snapshot(
            {.listeners = {{.name = "edge", .address = address}}, .groups = {pbx}, .routes = {}}),
        1);
    auto made = proxy::Worker::create({.lane_count = 2,
                                       .contexts = {.contexts = 3, .finished = 4},
                                       .slots = {4, 1, 1},
                                       .held = {2, 1, 1}},
                                      around->parts(events_, census), {&*sockets, 1});
    EXPECT_TRUE(made.has_value());
    workers.push_back(std::move(*made));
    workers[0]->connect(workers);
  }

  // Lets it answer an OPTIONS to us.
  void serve_one() {
    std::thread thread([this] { workers[0]->run(); });
    Peer client(SockAddress::Family::V4);
    const std::string uri = "sip:" + std::string(address.text());
    client.send(address, SipBuilder::request(sip::Method::Options, uri)
                             .via("SIP/2.0/UDP " + std::string(client.address().text()) +
                                  ";branch=z9hG4bK-1")
                             .str());
    EXPECT_EQ(client.receive(1).size(), 1u);
    workers[0]->stop();
    thread.join();
  }

  transport::ConnectionCensus census{{.lanes = 2, .channels = 16, .connections_per_source = 2}};
  SockAddress address;
  std::unique_ptr<SharedSurroundings> around;
  std::vector<std::unique_ptr<proxy::Worker>> workers;

 private:
  EventBell bell_;
  EventRing events_{bell_};
};

}  // namespace siplb::test
