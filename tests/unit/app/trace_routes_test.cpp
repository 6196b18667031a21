#include "app/trace_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "controlled_pool.h"
#include "support/surroundings.h"

namespace siplb::app {
namespace {

using testing::HasSubstr;

class TraceRoutesTest : public testing::Test {
 protected:
  void SetUp() override {
    pool_.start();
    routes_ = trace_routes(*pool_.control, {tracer_.get()});
    ASSERT_EQ(routes_.size(), 1u);
  }
  AdminAnswer ask(std::map<std::string, std::string> query) {
    return routes_.front().answer({.parts = {}, .query = std::move(query), .body = {}});
  }

  test::ControlledPool pool_;
  const proxy::Snapshot snapshot_ =
      test::make_snapshot({.listeners = {{.name = "main", .address = test::on_loopback(5060)}},
                           .groups = test::two_servers(),
                           .routes = {}});
  test::Surroundings around_{snapshot_};
  proxy::Tick tick_;
  std::unique_ptr<proxy::Tracer> tracer_ = std::make_unique<proxy::Tracer>(around_.outlook, tick_);
  AdminRoutes routes_;
};

TEST_F(TraceRoutesTest, BeginsToFollowAtOnce) {
  const AdminAnswer answer = ask({{"call_id", "c1"}, {"server", "pbx/s1"}, {"seconds", "5"}});
  EXPECT_EQ(answer.status, 200);
  ASSERT_NE(answer.stream, nullptr);
  EXPECT_EQ(answer.stream->next(), "{\"trace\":{\"seconds\":5,\"count\":10000}}\n");
  EXPECT_NE(tracer_->look(), nullptr);
}

TEST_F(TraceRoutesTest, LetsOneTraceBeUnderWay) {
  AdminAnswer first = ask({});
  ASSERT_NE(first.stream, nullptr);
  EXPECT_EQ(ask({}).status, 429);
  first.stream.reset();
  EXPECT_EQ(ask({}).status, 200);
}

TEST_F(TraceRoutesTest, RefusesWhatItDoesNotKnow) {
  struct Case {
    std::map<std::string, std::string> query;
    int status;
    const char* text;
  };
  const Case cases[] = {
      {{{"server", "pbx/s9"}}, 404, "no server pbx/s9"},
      {{{"server", "pb"}}, 404, "no server pb"},
      {{{"seconds", "0"}}, 400, "seconds is a number from 1 to 3600"},
      {{{"seconds", "1h"}}, 400, "seconds is a number"},
      {{{"count", "1000001"}}, 400, "count is a number from 1 to 1000000"},
      {{{"callid", "c1"}}, 400, "unknown parameter 'callid'"},
  };
  for (const Case& each : cases) {
    const AdminAnswer answer = ask(each.query);
    EXPECT_EQ(answer.status, each.status) << each.text;
    EXPECT_EQ(answer.stream, nullptr) << each.text;
    EXPECT_THAT(answer.body, HasSubstr(each.text));
  }
  EXPECT_EQ(ask({}).status, 200);  // none of them has the turn
}

TEST_F(TraceRoutesTest, IsRefusedWhenSiplbdEnds) {
  pool_.control->stop();
  EXPECT_EQ(ask({}).status, 503);
}

}  // namespace
}  // namespace siplb::app
