#include "ctl/trace_ladder.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>

#include <nlohmann/json.hpp>

namespace siplb::ctl {
namespace {

using Json = nlohmann::ordered_json;

//    0.000  |--INVITE sip:bob@example.com---->|                                 |
constexpr size_t kMargin = 10;  // of the left line
constexpr size_t kSpan = 33;    // between two lines
constexpr size_t kMiddle = kMargin + 1 + kSpan;
constexpr size_t kWidth = kMiddle + 1 + kSpan + 1;
static_assert(kWidth < 80);

// What peers write may be anything; a terminal gets nothing but what it prints in one column.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::string shown(const Json& message, const char* key) {
  const Json& value = message.at(key);
  return value.is_null() ? std::string() : printable(value.get<std::string>());
}

// The end of a name says more than its beginning.
std::string cut_front(const std::string& name, size_t columns) {
  if (name.size() <= columns) return name;
  return ".." + name.substr(name.size() - columns + 2);
}

std::string cut(const std::string& label, size_t columns) {
  return label.size() <= columns ? label : label.substr(0, columns - 2) + "..";
}

std::string padded(std::string line, size_t columns) {
  if (line.size() < columns) line.append(columns - line.size(), ' ');
  return line;
}

// "   0.250  "
std::string margin(double seconds) {
  std::array<char, 24> out;
  std::snprintf(out.data(), out.size(), "%8.3f", seconds);
  return padded(out.data(), kMargin);
}

std::string rightwards(const std::string& label) {
  return "--" + label + std::string(kSpan - 3 - label.size(), '-') + '>';
}
std::string leftwards(const std::string& label) {
  return '<' + std::string(kSpan - 3 - label.size(), '-') + label + "--";
}

std::string without_end(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

// Each above its line.
std::string names_line(const std::string& left, const std::string& middle,
                       const std::string& right) {
  constexpr size_t kNameMax = kSpan - 4;
  std::string line = padded(std::string(kMargin, ' ') + cut_front(left, kNameMax), kMiddle - 2);
  line += middle;
  const std::string name = cut_front(right, kNameMax);
  return without_end(padded(line, kWidth - name.size()) + name);
}

const char* sentence(const std::string& reason) {
  if (reason == "time") return "The trace has ended: its time is over.\n";
  if (reason == "count") return "The trace has ended: so many messages were wanted.\n";
  return "The trace has ended: siplbd stops.\n";
}

}  // namespace

struct TraceLadder::Message {
  std::string call_id;
  std::string time;  // of day
  double seconds = 0;
  bool is_in = false;
  bool is_response = false;
  Party party;  // at the other end
  std::string label;
  std::string note;  // where it did not go on as it should; else empty

  explicit Message(const Json& json);
};

TraceLadder::Message::Message(const Json& json)
    : call_id(shown(json, "call_id")),
      seconds(json.at("seconds").get<double>()),
      is_in(shown(json, "way") == "in"),
      party{.name = shown(json, "server"), .is_server = !json.at("server").is_null()},
      label(shown(json, "message")) {
  const std::string whole = shown(json, "time");  // "2026-11-21T16:00:00.250Z"
  const size_t day = whole.find('T');
  time = whole.substr(day + 1, whole.find('Z') - day - 1);
  if (!party.is_server) party.name = shown(json, "remote");
  if (label.empty()) label = "(no SIP)";
  const std::string cseq = shown(json, "cseq");
  is_response = label.front() >= '1' && label.front() <= '6';  // no method begins so
  if (is_response) label += " (" + cseq.substr(cseq.rfind(' ') + 1) + ')';
  label = cut(label, kSpan - 4);
  const std::string decision = shown(json, "decision");
  const bool goes_on = decision == "forwarded" || decision == "answered" || decision == "sent";
  if (!goes_on) note = cut(decision + ": " + shown(json, "reason"), kSpan - 2);
}

std::string TraceLadder::add(const std::string& line) {
  const Json json = Json::parse(line);
  if (json.contains("trace")) {
    return "Following calls for " + std::to_string(json["trace"].at("seconds").get<uint64_t>()) +
           " s.\n";
  }
  if (json.contains("lost")) {
    return std::to_string(json["lost"].get<uint64_t>()) + " messages are not shown: too many.\n";
  }
  if (json.contains("ended")) return sentence(json["ended"].get<std::string>());
  return draw(Message(json));
}

TraceLadder::Half TraceLadder::place(const Message& message, Call& call) {
  const Party& party = message.party;
  if (party == call.left) return Half::Left;
  if (party == call.right) return Half::Right;
  const auto takes = [&party](const Party& place) {
    return !place.name.empty() && place.is_server == party.is_server;
  };
  const bool is_first = call.left.name.empty() && call.right.name.empty();
  const bool is_callers = message.is_in != message.is_response;
  const bool is_left = is_first ? is_callers : takes(call.left) && !takes(call.right);
  (is_left ? call.left : call.right) = party;
  return is_left ? Half::Left : Half::Right;
}

// The names of parties where the picture does not show them yet.
std::string TraceLadder::name_parties(const Message& message, const Call& before,
                                      const Call& call) {
  if (message.call_id == last_call_ && before.number != 0) {
    if (before.left == call.left && before.right == call.right) return "";
    const auto if_new = [](const Party& old, const Party& now) {
      return old == now ? std::string() : now.name;
    };
    return names_line(if_new(before.left, call.left), "", if_new(before.right, call.right));
  }
  last_call_ = message.call_id;
  std::string start = "Call " + std::to_string(call.number);
  if (before.number == 0) start += " at " + call.began;
  start += ": ";
  return '\n' + start + cut(message.call_id, 80 - start.size()) + '\n' +
         names_line(call.left.name, "siplb", call.right.name);
}

std::string TraceLadder::draw(const Message& message) {
  Call& call = calls_[message.call_id];
  const Call before = call;
  if (call.number == 0) {
    call.number = calls_.size();
    call.began = message.time;
    call.seconds = message.seconds;
  }
  const Half half = place(message, call);
  std::string out = name_parties(message, before, call) + margin(message.seconds - call.seconds);
  const bool is_rightwards = message.is_in == (half == Half::Left);
  const std::string arrow = is_rightwards ? rightwards(message.label) : leftwards(message.label);
  if (half == Half::Left) {
    const std::string note = message.note.empty() ? "" : ' ' + message.note;
    return out + '|' + arrow + '|' + padded(note, kSpan) + "|\n";
  }
  const std::string note = message.note.empty() ? "" : message.note + ' ';
  return out + '|' + std::string(kSpan - note.size(), ' ') + note + '|' + arrow + "|\n";
}

}  // namespace siplb::ctl
