#include "config/yaml_tree.h"

#include <algorithm>
#include <numeric>
#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

namespace siplb::config {
namespace {

// Ends the reading of a file that is not worth reading on. Never leaves this file.
struct Refusal {
  Place place;
  std::string message;
};

Place place_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<size_t>(mark.line) + 1, static_cast<size_t>(mark.column) + 1};
}

// yaml-cpp writes "?" for a plain value without tag and "!" for a quoted one.
bool is_explicit(const std::string& tag) {
  return tag != "?" && tag != "!" && !tag.empty();
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(FaultList& faults) : faults_(faults) {}

  YamlNode take_tree() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(started_, true)) throw Refusal{place_of(mark), "a second document"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    // What is not there has the mark of whatever comes next, so its key tells the place.
    const Place place = value_due_ ? open_.back()->entries.back().place : place_of(mark);
    add({YamlNode::Kind::Null, place, {}, {}, {}});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    faults_.add(place_of(mark), "aliases are not allowed");
    add({YamlNode::Kind::Broken, place_of(mark), {}, {}, {}});
  }

  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    faults_.add(place_of(mark), "anchors are not allowed: " + shown("&" + name));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& text) override {
    const Place place = place_of(mark);
    if (awaits_key()) {
      if (is_explicit(tag)) refuse_tag(place, tag);
      open_.back()->entries.push_back({text, place, {}});
      value_due_ = true;
      return;
    }
    YamlNode::Kind kind = tag == "!" ? YamlNode::Kind::Quoted : YamlNode::Kind::Plain;
    if (is_explicit(tag)) {
      refuse_tag(place, tag);
      kind = YamlNode::Kind::Broken;
    }
    add({kind, place, text, {}, {}});
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::List, mark, tag);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::Map, mark, tag);
  }
  void OnMapEnd() override {
    refuse_repeated_keys(*open_.back());
    close();
  }

 private:
  bool awaits_key() const {
    return !open_.empty() && open_.back()->kind == YamlNode::Kind::Map && !value_due_;
  }

  void refuse_tag(Place place, const std::string& tag) {
    faults_.add(place, "tags are not allowed: " + shown(tag));
  }

  YamlNode& add(YamlNode node) {
    if (++node_count_ > kNodesMax) {
      throw Refusal{node.place, "more than " + std::to_string(kNodesMax) + " values"};
    }
    if (awaits_key()) throw Refusal{node.place, "a key must be text"};
    if (open_.empty()) return root_ = std::move(node);
    YamlNode& parent = *open_.back();
    if (parent.kind == YamlNode::Kind::List) return parent.items.emplace_back(std::move(node));
    value_due_ = false;
    return parent.entries.back().value = std::move(node);
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag) {
    const Place place = place_of(mark);
    // A collection's tag "!" was written out: yaml-cpp makes none up for these.
    if (tag == "!" || is_explicit(tag)) refuse_tag(place, tag);
    if (open_.size() == kDepthMax) {
      throw Refusal{place, "more than " + std::to_string(kDepthMax) + " levels"};
    }
    // The pointer holds while the node is open: only its own contents grow until then.
    open_.push_back(&add({kind, place, {}, {}, {}}));
  }

  // Whatever was closed was a value of its parent, never a key.
  void close() { open_.pop_back(); }

  void refuse_repeated_keys(YamlNode& map) {
    std::vector<size_t> order(map.entries.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return map.entries[a].key < map.entries[b].key; });
    for (size_t i = 1; i < order.size(); ++i) {
      const YamlEntry& entry = map.entries[order[i]];
      if (entry.key == map.entries[order[i - 1]].key) {
        faults_.add(entry.place, "key " + shown(entry.key) + " is repeated");
      }
    }
  }

  FaultList& faults_;
  YamlNode root_;
  std::vector<YamlNode*> open_;
  size_t node_count_ = 0;
  bool started_ = false;
  bool value_due_ = false;  // of the innermost open map: its key was read
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto entry = std::find_if(entries.begin(), entries.end(),
                                  [&](const YamlEntry& each) { return each.key == key; });
  return entry == entries.end() ? nullptr : &entry->value;
}

YamlNode parse_yaml(std::string_view text, FaultList& faults) {
  TreeBuilder builder(faults);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.take_tree();
  } catch (const Refusal& refusal) {
    faults.add(refusal.place, refusal.message);
  } catch (const YAML::Exception& fault) {
    faults.add(place_of(fault.mark), "no valid YAML: " + fault.msg);
  }
  return {YamlNode::Kind::Broken, {}, {}, {}, {}};
}

}  // namespace siplb::config
