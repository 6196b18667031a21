#include "ctl/route_sheet.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "ctl/text_table.h"

namespace siplb::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kTitleColumns = 10;

std::string text_at(const Json& json, const char* key) {
  const Json& value = json.at(key);
  if (value.is_null()) return "";
  std::string text = value.get<std::string>();
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

// Words go to the next line where there is no more room; the title stands before the first.
std::string paragraph(std::string title, const std::string& text) {
  title.resize(kTitleColumns, ' ');
  std::string out;
  std::string line = title;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    const bool is_first = line.size() == kTitleColumns;
    if (!is_first && line.size() + 1 + word.size() > kColumns) {
      out += line + '\n';
      line.assign(kTitleColumns, ' ');
      line += word;
    } else {
      line += (is_first ? "" : " ") + word;
    }
    at = end + 1;
  }
  return out + line + '\n';
}

std::string received(const Json& body) {
  const Json& received = body.at("received");
  const std::string message = text_at(received, "message");
  std::string out = paragraph("Received", message.empty() ? "no SIP" : message);
  out += paragraph("", "by listener " + text_at(received, "listener") + " (" +
                           text_at(received, "role") + ") over " + text_at(received, "transport") +
                           " from " + text_at(received, "source"));
  if (!received.at("fault").is_null()) {
    out += paragraph("Fault", "It can't be read: " + text_at(received, "fault") + '.');
  }
  return out;
}

std::string sender(const Json& body) {
  const std::string sender = text_at(body, "sender");
  if (sender.empty()) return "";
  std::string out = paragraph("Checks", "passed");
  out += paragraph("Sender", sender == "client" ? "a client" : "server " + sender);
  std::string names;
  for (const Json& name : body.at("removed_headers")) {
    names += (names.empty() ? "" : ", ") + name.get<std::string>();
  }
  if (!names.empty()) out += paragraph("Removed", names + ": only servers may send that.");
  return out;
}

std::string guide(const Json& body) {
  const std::string guide = text_at(body, "guide");
  const bool is_in_dialog = body.at("in_dialog").get<bool>();
  if (guide == "dialog token") {
    return paragraph("Dialog", "The token in its Route says where the other end is.");
  }
  if (guide == "path token") {
    return paragraph("Path", "The token in its Route says how the client is reached.");
  }
  if (guide == "route") return paragraph("Route", "Its Route says where it goes; servers may.");
  if (is_in_dialog) return paragraph("Dialog", "It is of a dialog, but has no token of ours.");
  return body.at("draining").get<bool>() ? paragraph("Drain", "The node takes no new work.") : "";
}

std::string obstacle_of_route(const std::string& key) {
  if (key.empty()) return "takes it";
  if (key == "from_group") return "no: from_group, or that it has none";
  return "no: " + key;
}

std::string routes(const Json& body) {
  size_t width = 0;
  for (const Json& route : body.at("routes"))
    width = std::max(width, text_at(route, "name").size());
  std::string out;
  for (const Json& route : body.at("routes")) {
    std::string name = text_at(route, "name");
    name.resize(width, ' ');
    out += paragraph(out.empty() ? "Routes" : "",
                     name + "  " + obstacle_of_route(text_at(route, "obstacle")));
  }
  return out;
}

std::string sentence_of_obstacle(const std::string& obstacle) {
  if (obstacle.empty()) return "takes new work";
  if (obstacle == "weight") return "no: its weight is 0";
  if (obstacle == "calls") return "no: it has max_calls";
  if (obstacle == "inflight") return "no: it has max_inflight";
  return "no: " + obstacle;
}

std::string choice(const Json& body) {
  const Json& choice = body.at("choice");
  if (choice.is_null()) return "";
  const std::string policy = text_at(choice, "policy");
  std::string out = paragraph("Group", text_at(choice, "group") + ", policy " + policy);
  if (const Json& key = choice.at("key"); policy == "maglev" && !key.is_null()) {
    out += paragraph("Key", text_at(key, "kind") + " \"" + text_at(key, "text") + "\", hash " +
                                text_at(key, "hash"));
  }
  bool is_first = true;
  for (const Json& server : choice.at("servers")) {
    out += paragraph(is_first ? "Servers" : "",
                     text_at(server, "name") + ", priority " +
                         std::to_string(server.at("priority").get<unsigned>()) + ", weight " +
                         std::to_string(server.at("weight").get<unsigned>()) + ": " +
                         sentence_of_obstacle(text_at(server, "obstacle")));
    is_first = false;
  }
  if (policy != "maglev") {
    out += paragraph("", "Each lane chooses for itself: another may take another of them.");
  }
  return out;
}

std::string decision(const Json& body) {
  std::string text = text_at(body, "decision");
  const std::string reason = text_at(body, "reason");
  if (text == "answered") {
    text += " with " + reason;
  } else if (!reason.empty()) {
    text += ": " + reason;
  }
  return paragraph("Decision", text);
}

std::string sent(const Json& body) {
  std::string out;
  for (const Json& sent : body.at("sent")) {
    const std::string server = text_at(sent, "server");
    out += paragraph("Sent", text_at(sent, "message"));
    out += paragraph("", "to " + (server.empty() ? "" : server + " at ") + text_at(sent, "remote") +
                             " over " + text_at(sent, "transport") + " by listener " +
                             text_at(sent, "listener"));
    const bool has_route = sent.at("record_route").get<bool>();
    const bool has_path = sent.at("path").get<bool>();
    if (has_route || has_path) {
      out += paragraph("", std::string("with ") + (has_route ? "Record-Route" : "") +
                               (has_route && has_path ? " and " : "") + (has_path ? "Path" : ""));
    }
  }
  return out;
}

}  // namespace

std::string route_sheet(const std::string& text) {
  const Json body = Json::parse(text);
  std::string out = received(body) + sender(body) + guide(body) + routes(body);
  if (const Json& route = body.at("route"); !route.is_null() && !route.at("rate").is_null()) {
    out += paragraph("", "at most " + std::to_string(route["rate"].get<unsigned>()) +
                             " a second, which is not looked at here");
  }
  return out + choice(body) + decision(body) + sent(body);
}

}  // namespace siplb::ctl
