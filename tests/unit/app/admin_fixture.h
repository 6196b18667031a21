// What the verbs of the admin API speak of, in small: a pool that the test controls, a worker that
// hardly works, a census without connections.
#pragma once

#include <chrono>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "app/admin_api.h"
#include "asked_routes.h"
#include "controlled_pool.h"
#include "one_worker.h"

namespace siplb::test {

class AdminFixture : public testing::Test {
 protected:
  void SetUp() override {
    pool_.start();
    std::ofstream(key_file()) << "key";
  }

  [[nodiscard]] std::string key_file() const { return pool_.folder / "key"; }
  [[nodiscard]] app::AdminParts parts() {
    return {.control = *pool_.control,
            .log = pool_.log,
            .workers = one_.workers,
            .census = one_.census,
            .budget = budget_,
            .scrape = [] { return std::string("metrics of the test\n"); },
            .config_file = "/etc/siplb/siplb.yaml",
            .key_file = key_file(),
            .lanes = 2,
            .started_at = Clock::now() - std::chrono::seconds(5)};
  }
  // A connection from there in that slot.
  void connect(const char* remote, uint32_t slot) {
    one_.census.set_alive({.remote = *SockAddress::parse(remote),
                           .connection = transport::ConnectionId({.slot = slot, .generation = 1})});
  }

  ControlledPool pool_;
  OneWorker one_;
  config::Configuration configuration_;
  app::MemoryBudget budget_{configuration_, app::derive_sizing(configuration_, 1)};
};

}  // namespace siplb::test
