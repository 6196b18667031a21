#include "config/yaml_tree.h"

#include <cstring>
#include <memory>

#include <gtest/gtest.h>

namespace siplb::config {
namespace {

struct Parsed {
  YamlNode root;
  std::string faults;
};

// From a block of exactly its size, so that AddressSanitizer sees every octet too many.
Parsed parse(std::string_view text) {
  const std::unique_ptr<char[]> block(new char[text.size()]);
  std::memcpy(block.get(), text.data(), text.size());
  FaultList faults("f");
  Parsed parsed;
  parsed.root = parse_yaml({block.get(), text.size()}, faults);
  for (const Fault& fault : faults.take_sorted()) {
    if (!parsed.faults.empty()) parsed.faults += '\n';
    parsed.faults += to_text(fault);
  }
  return parsed;
}

TEST(YamlTreeTest, KeepsKindsTextsAndPlaces) {
  const Parsed parsed = parse("a: 1\nb:\n  - 'x'\n  - {c: ~}\n");
  EXPECT_EQ(parsed.faults, "");
  const YamlNode& root = parsed.root;
  ASSERT_EQ(root.kind, YamlNode::Kind::Map);
  const YamlNode* a = root.find("a");
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->kind, YamlNode::Kind::Plain);
  EXPECT_EQ(a->text, "1");
  EXPECT_EQ(a->place, (Place{1, 4}));
  const YamlNode* b = root.find("b");
  ASSERT_NE(b, nullptr);
  ASSERT_EQ(b->items.size(), 2U);
  EXPECT_EQ(b->items[0].kind, YamlNode::Kind::Quoted);
  EXPECT_EQ(b->items[0].place, (Place{3, 5}));
  ASSERT_NE(b->items[1].find("c"), nullptr);
  EXPECT_EQ(b->items[1].find("c")->kind, YamlNode::Kind::Null);
  EXPECT_EQ(b->items[1].entries[0].place, (Place{4, 6}));
  EXPECT_EQ(root.find("c"), nullptr);
  EXPECT_EQ(a->find("c"), nullptr);
}

TEST(YamlTreeTest, TakesAnEmptyDocument) {
  for (const std::string_view text : {"", "\n", "# only this\n", "---\n", "~"}) {
    const Parsed parsed = parse(text);
    EXPECT_EQ(parsed.faults, "") << text;
    EXPECT_EQ(parsed.root.kind, YamlNode::Kind::Null) << text;
  }
}

TEST(YamlTreeTest, RefusesWhatTheStrictSubsetLeavesOut) {
  struct Row {
    std::string_view description;
    std::string_view text;
    std::string_view faults;
  };
  const Row rows[] = {
      {"repeated key", "a: 1\nb: 2\na: 3\n", "f:3:1: key 'a' is repeated"},
      {"repeated in another spelling", "a: 1\n\"a\": 3\n", "f:2:1: key 'a' is repeated"},
      {"three times, in flow", "{a: 1, a: 2, a: 3}",
       "f:1:8: key 'a' is repeated\nf:1:14: key 'a' is repeated"},
      {"anchor", "a: &x 1\n", "f:1:4: anchors are not allowed: '&x'"},
      {"alias", "a: &x 1\nb: *x\n",
       "f:1:4: anchors are not allowed: '&x'\nf:2:4: aliases are not allowed"},
      {"tag", "a: !!int 1\n", "f:1:4: tags are not allowed: 'tag:yaml.org,2002:int'"},
      {"tag of a key", "!k a: 1\n", "f:1:1: tags are not allowed: '!k'"},
      {"tag of a list", "a: !l [1]\n", "f:1:4: tags are not allowed: '!l'"},
      {"tag of a map", "a: !m {b: 1}\n", "f:1:4: tags are not allowed: '!m'"},
      {"list as key", "? [a]\n: 1\n", "f:1:3: a key must be text"},
      {"map as key", "{{a: 1}: 2}", "f:1:2: a key must be text"},
      {"null as key", "~: 1\n", "f:1:1: a key must be text"},
      {"second document", "a: 1\n---\nb: 2\n", "f:2:1: a second document"},
      {"broken syntax", "a: [1\n", "f:2:1: no valid YAML: end of sequence flow not found"},
      {"tab", "a:\n\tb: 1\n", "f:2:3: no valid YAML: illegal map value"},
      {"undefined alias", "a: *x\n", "f:1:4: no valid YAML: the referenced anchor is not defined"},
  };
  for (const Row& row : rows) EXPECT_EQ(parse(row.text).faults, row.faults) << row.description;
}

TEST(YamlTreeTest, TakesTheDeepestLevelAndRefusesTheNext) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(parse(nested(kDepthMax)).faults, "");
  EXPECT_EQ(parse(nested(kDepthMax + 1)).faults, "f:1:17: more than 16 levels");
  EXPECT_EQ(parse(nested(100'000)).faults, "f:1:17: more than 16 levels");
}

TEST(YamlTreeTest, TakesTheLastNodeAndRefusesTheNext) {
  const auto flat = [](size_t nodes) {
    std::string text = "[";
    for (size_t i = 1; i < nodes; ++i) text += "1,";
    return text + "]";
  };
  EXPECT_EQ(parse(flat(kNodesMax)).faults, "");
  EXPECT_EQ(parse(flat(kNodesMax + 1)).faults, "f:1:200000: more than 100000 values");
}

TEST(YamlTreeTest, EndsOnEveryPrefixOfAFile) {
  const std::string_view text =
      "global: {log: {level: info}}\n"
      "listeners:\n  - {name: 'a', address: \"10.0.0.1:5060\"}\n"
      "groups: [{name: |\n  x\n}]\n";
  for (size_t length = 0; length <= text.size(); ++length) {
    const Parsed parsed = parse(text.substr(0, length));
    EXPECT_EQ(parsed.root.kind == YamlNode::Kind::Broken, !parsed.faults.empty()) << length;
  }
}

}  // namespace
}  // namespace siplb::config
