#include "app/operator_settings.h"

#include <gtest/gtest.h>

namespace siplb::app {
namespace {

using balance::OperatorState;

TEST(OperatorSettingsTest, AreOfAServerAndOfAllItsPlaces) {
  EXPECT_EQ(setting_key("pbx", "s1"), "pbx/s1");
  EXPECT_EQ(setting_key("pbx", "s1/8"), "pbx/s1");
}

TEST(OperatorSettingsTest, KnowThreeWords) {
  EXPECT_EQ(operator_state("ready"), OperatorState::Ready);
  EXPECT_EQ(operator_state("drain"), OperatorState::Drain);
  EXPECT_EQ(operator_state("maint"), OperatorState::Maint);
  EXPECT_EQ(operator_state(""), std::nullopt);
  EXPECT_EQ(operator_state("Ready"), std::nullopt);
}

TEST(OperatorSettingsTest, SayNothingOfAServerThatNobodyHasSet) {
  const OperatorSettings settings{{"pbx/s1", {.state = OperatorState::Drain}}};
  EXPECT_EQ(setting_of(settings, "pbx/s1").state, OperatorState::Drain);
  EXPECT_EQ(setting_of(settings, "pbx/s2"), OperatorSetting{});
}

TEST(OperatorSettingsTest, ReplaceConfiguredWeights) {
  const std::vector<balance::GroupOptions> groups{
      {.name = "pbx", .servers = {{.name = "s1"}, {.name = "s2"}}},
      {.name = "trunk", .servers = {{.name = "s2"}}}};
  const auto effective = with_weights(groups, {{"pbx/s2", {.weight = 0}}});
  EXPECT_EQ(effective[0].servers[0].weight, 100u);
  EXPECT_EQ(effective[0].servers[1].weight, 0u);
  EXPECT_EQ(effective[1].servers[0].weight, 100u);
}

}  // namespace
}  // namespace siplb::app
