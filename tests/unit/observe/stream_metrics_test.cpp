// The metrics of connections, of a worker with streams and of one without.
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "observe/metrics.h"
#include "support/loopback_tcp.h"
#include "support/snapshot.h"
#include "support/surroundings.h"

namespace siplb::observe {
namespace {

using testing::HasSubstr;

// One worker with one lane; the listener has TCP where the test says so.
proxy::Snapshot edge_snapshot() {
  return test::make_snapshot(
      {.listeners = {{.name = "edge", .address = SockAddress::v4(0x7f000001, 5060)}},
       .groups = {{.name = "pbx",
                   .servers = {{.name = "one", .address = SockAddress::v4(0x7f000001, 5071)}}}},
       .routes = {}});
}

class StreamMetricsTest : public testing::Test {
 protected:
  enum class Streams : bool { No, Yes };

  void make_worker(Streams streams) {
    net::InheritedSockets none;
    auto sockets =
        transport::open_listener_sockets({.name = "edge",
                                          .address = test::loopback(SockAddress::Family::V4),
                                          .has_tcp = streams == Streams::Yes},
                                         none);
    ASSERT_TRUE(sockets.has_value());
    address_ = sockets->address;
    auto worker = proxy::Worker::create({.lane_count = 1,
                                         .slots = {4, 1, 1},
                                         .streams = {.channels = 4, .queue_entries = 4},
                                         .unfinished = {1, 1, 1}},
                                        around_.parts(events_, census_), {&*sockets, 1});
    ASSERT_TRUE(worker.has_value());
    workers_.push_back(std::move(*worker));
    workers_.front()->connect(workers_);
  }

  [[nodiscard]] std::string scrape() {
    return Metrics({.snapshots = snapshots_, .workers = workers_, .budget = {}, .started_at = {}})
        .scrape({});
  }

  EventBell bell_;
  EventRing events_{bell_};
  transport::ConnectionCensus census_{{.channels = 4}};
  Published<proxy::Snapshot> snapshots_{1,
                                        std::make_unique<const proxy::Snapshot>(edge_snapshot())};
  test::SharedSurroundings around_{edge_snapshot(), 1};
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
  SockAddress address_;
};

TEST_F(StreamMetricsTest, HaveTheirSeriesAlsoWithoutStreams) {
  make_worker(Streams::No);
  const std::string text = scrape();
  EXPECT_THAT(text, HasSubstr("siplb_connections{transport=\"tcp\",direction=\"opened\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_connections_ended_total{reason=\"stalled\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_connections_refused_total{reason=\"source_full\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_frame_faults_total{reason=\"bad_length\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("siplb_responses_lost_total 0\n"));
}

TEST_F(StreamMetricsTest, CountWhatConnectionsDo) {
  make_worker(Streams::Yes);
  std::thread thread([this] { workers_.front()->run(); });
  const auto client = test::connect_plain(address_);
  test::send_all(client.get(), "\r\n\r\n");
  EXPECT_EQ(test::receive(client.get(), 2), "\r\n");
  workers_.front()->stop();
  thread.join();
  const std::string text = scrape();
  EXPECT_THAT(text, HasSubstr("siplb_connections{transport=\"tcp\",direction=\"accepted\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("siplb_stream_pings_total 1\n"));
  EXPECT_THAT(text, HasSubstr("siplb_stream_received_bytes_total 4\n"));
  EXPECT_THAT(text, HasSubstr("siplb_stream_sent_bytes_total 2\n"));
}

}  // namespace
}  // namespace siplb::observe
