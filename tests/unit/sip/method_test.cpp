#include "sip/method.h"

#include <gtest/gtest.h>

namespace siplb::sip {
namespace {

TEST(MethodTest, ReadsEveryNameItWrites) {
  for (size_t i = 0; i < static_cast<size_t>(Method::Other); ++i) {
    const Method method = static_cast<Method>(i);
    EXPECT_EQ(method_from(method_name(method)), method) << method_name(method);
  }
}

TEST(MethodTest, NamesAreThoseOfTheWire) {
  EXPECT_EQ(method_name(Method::Invite), "INVITE");
  EXPECT_EQ(method_name(Method::Ack), "ACK");
  EXPECT_EQ(method_name(Method::Update), "UPDATE");
  EXPECT_EQ(method_name(Method::Other), "other");
}

TEST(MethodTest, TakesUnknownTextForOther) {
  for (const std::string_view text :
       {"", "X", "ACk", "AXX", "invite", "INVITES", "INFORM", "PUBLISHER", "OPTIONX", "other"}) {
    EXPECT_EQ(method_from(text), Method::Other) << text;
  }
}

TEST(TransportTest, HasItsNameItsLabelAndItsPort) {
  EXPECT_EQ(transport_name(Transport::Udp), "UDP");
  EXPECT_EQ(transport_name(Transport::Tls), "TLS");
  EXPECT_EQ(transport_label(Transport::Tcp), "tcp");
  EXPECT_EQ(default_port(Transport::Udp), 5060);
  EXPECT_EQ(default_port(Transport::Tcp), 5060);
  EXPECT_EQ(default_port(Transport::Tls), 5061);
}

}  // namespace
}  // namespace siplb::sip
