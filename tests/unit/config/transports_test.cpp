#include "config/transports.h"

#include <gmock/gmock.h>

#include "mistake.h"

namespace siplb::config {
namespace {

using sip::Transport;

struct ReadList {
  bool is_list;
  std::vector<Transport> transports;
  std::string faults;
};

ReadList read(std::string_view text) {
  FaultList faults("f");
  const YamlNode node = parse_yaml(text, faults);
  const Configuration configuration;
  ReadList list{false, {Transport::Tls}, {}};
  list.is_list = read_transports(node, list.transports, {faults, "/", configuration});
  list.faults = without_file(faults.take_sorted());
  return list;
}

TEST(TransportsTest, KeepsTheOrderOfAList) {
  for (const auto& [text, transports] : {std::pair{"[udp]", std::vector{Transport::Udp}},
                                         {"[tcp]", {Transport::Tcp}},
                                         {"[udp, tcp]", {Transport::Udp, Transport::Tcp}},
                                         {"['tcp', \"udp\"]", {Transport::Tcp, Transport::Udp}}}) {
    const ReadList list = read(text);
    EXPECT_TRUE(list.is_list) << text;
    EXPECT_EQ(list.transports, transports) << text;
    EXPECT_EQ(list.faults, "") << text;
  }
}

TEST(TransportsTest, LeavesAFaultyListEmpty) {
  for (const auto& [text, faults] :
       {std::pair{"[upd, tcp]", "1:2: there is no transport 'upd' (did you mean 'udp'?)"},
        {"[UDP]", "1:2: there is no transport 'UDP'"},
        {"[tcp, tls]", "1:7: 'tls' is not yet supported"},
        {"[tls, tls]", "1:2: 'tls' is not yet supported\n1:7: 'tls' is not yet supported"},
        {"[udp, tcp, udp]", "1:12: transport 'udp' is repeated"},
        {"[&a udp, *a]", "1:2: anchors are not allowed: '&a'\n1:10: aliases are not allowed"}}) {
    const ReadList list = read(text);
    EXPECT_TRUE(list.is_list) << text;
    EXPECT_THAT(list.transports, testing::IsEmpty()) << text;
    EXPECT_EQ(list.faults, faults) << text;
  }
}

TEST(TransportsTest, TakesNothingButAListOfTexts) {
  for (const std::string_view text : {"udp", "[]", "{}", "[udp, []]", "[[tcp]]"}) {
    const ReadList list = read(text);
    EXPECT_FALSE(list.is_list) << text;
    EXPECT_THAT(list.transports, testing::IsEmpty()) << text;
    EXPECT_EQ(list.faults, "") << text;
  }
}

}  // namespace
}  // namespace siplb::config
