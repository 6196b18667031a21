// What must follow from a step: who gets what, and what is counted. See player.h.
#include <algorithm>

#include "scenario/player.h"

namespace siplb::test {

void Player::finish_step() {
  for (const SentMessage& sent : sent_) {
    differences_.push_back(std::to_string(step_line_) + ": " + party_at(sent.to.remote) + " got " +
                           kind_of(sent.text) + ", which nothing expects:\n" + sent.text);
  }
  sent_.clear();
}

void Player::play_expect(const Statement& statement, const Words& words) {
  if (words.size() == 2 && words[1] == "nothing") return finish_step();
  if (words.size() < 4 || words[2] != "gets") throw ScriptError("expect NAME gets METHOD or CODE");
  const SockAddress& address = party(words[1]).address;
  const auto fits = [&](const SentMessage& sent) {
    return sent.to.remote == address && kind_of(sent.text) == words[3];
  };
  Options options(words, 4);
  const auto as = options.take("as");
  const auto listener = options.take("from");
  options.finish();
  if (as) known_.erase(*as);

  const auto found = std::find_if(sent_.begin(), sent_.end(), fits);
  if (found == sent_.end()) {
    std::string got;
    for (const SentMessage& sent : sent_) {
      got += " " + party_at(sent.to.remote) + " got " + kind_of(sent.text) + ";";
    }
    got += " counted: " + text_of(since(counted_.all, process_->counted().all));
    throw Difference{statement.text + ", but:" + got};
  }
  const SentMessage sent = *found;
  sent_.erase(found);
  if (as) known_[*as] = {.text = sent.text, .party = words[1]};
  if (listener) expect_listener(sent, *listener);
  for (const std::string& line : statement.block) check_line(line, sent);
}

void Player::expect_listener(const SentMessage& sent, const std::string& listener) {
  const std::string& name = process_->snapshot().sides[sent.to.listener].name;
  if (name != listener) throw Difference{"it left by listener " + name + ", not " + listener};
}

// "Name: value" is what all values of that header are, separated by commas; "no Name"; "start
// LINE"; "adds at most N" octets to what was sent; "body TEXT".
void Player::check_line(const std::string& raw, const SentMessage& sent) {
  const std::string line = expand(raw);
  const Words words = split_words(line);
  const auto differ = [&](const std::string& got) {
    differences_.push_back(std::to_string(step_line_) + ": got '" + got + "' for '" + line + "'");
  };
  if (const auto header = split_header(line)) {
    std::string got;
    for (const std::string& value : header_values(sent.text, header->first)) {
      got += (got.empty() ? "" : ", ") + value;
    }
    if (got != header->second) differ(header->first + ": " + got);
  } else if (words[0] == "no" && words.size() == 2) {
    const std::string got = first_value(sent.text, words[1]);
    if (!got.empty()) differ(words[1] + ": " + got);
  } else if (words[0] == "start") {
    const std::string got = sent.text.substr(0, sent.text.find("\r\n"));
    if (got != joined(words, 1)) differ(got);
  } else if (words[0] == "body") {
    const std::string got = sent.text.substr(sent.text.find("\r\n\r\n") + 4);
    if (got != unescape(joined(words, 1))) differ(got);
  } else if (words.size() == 4 && words[0] == "adds") {
    const size_t added = sent.text.size() - step_octets_;
    if (added > std::stoul(words[3])) differ(std::to_string(added) + " octets");
  } else {
    throw ScriptError("not understood: " + raw);
  }
}

// Everything that has been counted since the last time, each with its number.
void Player::play_counted(const Statement& statement) {
  finish_step();
  const Process::Counted now = process_->counted();
  Process::Counts got = since(counted_.all, now.all);
  const Process::Counts detail = since(counted_.detail, now.detail);
  counted_ = now;

  Process::Counts wanted;
  const Words words = split_words(statement.text);
  for (size_t i = 1; i + 1 < words.size(); i += 2) {
    wanted[words[i]] = std::stoul(words[i + 1]);  // the comma behind it does not matter
    if (detail.contains(words[i])) got[words[i]] = detail.at(words[i]);
  }
  if (got != wanted) {
    throw Difference{"counted " + text_of(got) + "; expected " + text_of(wanted)};
  }
}

}  // namespace siplb::test
