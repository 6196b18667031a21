// What must follow from a step: who gets what, and what is counted. See player.h.
#include <algorithm>

#include "scenario/player.h"

namespace siplb::test {

void Player::begin_step(size_t line) {
  finish_step();
  step_line_ = line;
}

void Player::finish_step() {
  for (const Sent& sent : sent_) {
    differences_.push_back(std::to_string(step_line_) + ": " + text_of_sent(sent) +
                           ", which nothing expects:\n" + sent.message.text);
  }
  sent_.clear();
}

std::string Player::text_of_sent(const Sent& sent) const {
  return party_of(sent.message.to) + " got " + kind_of(sent.message.text) + " at " +
         time_text(sent.at);
}

// expect NAME gets KIND [as M] [from LISTENER] [local=ADDRESS] [over=TRANSPORT] [at TIME, TIME...]:
// one message for each time.
void Player::play_expect(const Statement& statement, const Words& words) {
  if (words.size() == 2 && words[1] == "nothing") return finish_step();
  if (words.size() < 4 || words[2] != "gets") throw ScriptError("expect NAME gets METHOD or CODE");
  const auto at = std::find(words.begin() + 4, words.end(), "at");
  Options options(Words(words.begin(), at), 4);
  const auto as = options.take("as");
  const auto listener = options.take("from");
  const auto local = options.take("local");
  const auto over = options.take("over");
  options.finish();
  std::vector<std::optional<Instant>> times;
  for (auto word = at; word != words.end(); ++word) {
    if (word != at) times.emplace_back(read_time(word->substr(0, word->find(','))));
  }
  if (times.empty()) times.emplace_back();
  if (as) known_.erase(*as);

  for (const std::optional<Instant>& time : times) {
    const Sent sent = take_expected(words[1], words[3]);
    if (time && sent.at != *time) {
      throw Difference{text_of_sent(sent) + ", not at " + time_text(*time)};
    }
    if (as) known_[*as] = {.text = sent.message.text, .party = words[1]};
    if (listener) check_listener(sent, *listener);
    if (local) check_local(sent, *local);
    if (over) check_transport(sent, *over);
    for (const std::string& line : statement.block) check_line(line, sent);
  }
}

// The first that left for `party` and is of that kind.
Player::Sent Player::take_expected(const std::string& name, const std::string& kind) {
  static_cast<void>(party(name));
  const auto fits = [&](const Sent& sent) {
    return party_of(sent.message.to) == name && kind_of(sent.message.text) == kind;
  };
  const auto found = std::find_if(sent_.begin(), sent_.end(), fits);
  if (found == sent_.end()) {
    std::string got;
    for (const Sent& sent : sent_) got += " " + text_of_sent(sent) + ";";
    got += " counted: " + text_of(since(counted_.all, process_->counted().all));
    throw Difference{name + " should have got " + kind + ", but:" + got};
  }
  Sent sent = std::move(*found);
  sent_.erase(found);
  return sent;
}

void Player::check_listener(const Sent& sent, const std::string& listener) {
  const std::string& name = process_->snapshot().sides[sent.message.to.listener].name;
  if (name != listener) throw Difference{"it left by listener " + name + ", not " + listener};
}

void Player::check_local(const Sent& sent, const std::string& local) {
  const std::string got(sent.message.to.local.ip_text());
  if (got != local) throw Difference{"it left from '" + got + "', not from " + local};
}

void Player::check_transport(const Sent& sent, const std::string& transport) {
  const sip::Transport got = sent.message.to.transport;
  if (got != read_transport(transport)) {
    throw Difference{"it left over " + std::string(sip::transport_name(got))};
  }
}

// "Name: value" is what all values of that header are, separated by commas; "no Name"; "start
// LINE"; "adds at most N" octets to what was sent; "octets N", in all; "body TEXT".
void Player::check_line(const std::string& raw, const Sent& sent) {
  const std::string& text = sent.message.text;
  const std::string line = expand(raw);
  const Words words = split_words(line);
  const auto differ = [&](const std::string& got) {
    differences_.push_back(std::to_string(step_line_) + ": got '" + got + "' for '" + line + "'");
  };
  if (const auto header = split_header(line)) {
    std::string got;
    for (const std::string& value : header_values(text, header->first)) {
      got += (got.empty() ? "" : ", ") + value;
    }
    if (got != header->second) differ(header->first + ": " + got);
  } else if (words[0] == "no" && words.size() == 2) {
    const std::string got = first_value(text, words[1]);
    if (!got.empty()) differ(words[1] + ": " + got);
  } else if (words[0] == "start") {
    const std::string got = text.substr(0, text.find("\r\n"));
    if (got != joined(words, 1)) differ(got);
  } else if (words[0] == "body") {
    const std::string got = text.substr(text.find("\r\n\r\n") + 4);
    if (got != unescape(joined(words, 1))) differ(got);
  } else if (words.size() == 2 && words[0] == "octets") {
    if (text.size() != std::stoul(words[1])) differ(std::to_string(text.size()) + " octets");
  } else if (words.size() == 4 && words[0] == "adds") {
    const size_t added = text.size() - step_octets_;
    if (added > std::stoul(words[3])) differ(std::to_string(added) + " octets");
  } else {
    throw ScriptError("not understood: " + raw);
  }
}

// Everything that has been counted since the last time, each with its number.
void Player::play_counted(const Words& words) {
  finish_step();
  const Process::Counted now = process_->counted();
  Process::Counts got = since(counted_.all, now.all);
  const Process::Counts detail = since(counted_.detail, now.detail);
  counted_ = now;

  Process::Counts wanted;
  for (size_t i = 1; i + 1 < words.size(); i += 2) {
    wanted[words[i]] = std::stoul(words[i + 1]);  // the comma behind it does not matter
    if (detail.contains(words[i])) got[words[i]] = detail.at(words[i]);
  }
  if (got != wanted) {
    throw Difference{"counted " + text_of(got) + "; expected " + text_of(wanted)};
  }
}

// The one event since the last time, or none.
void Player::play_logged(const Words& words) {
  std::string got;
  for (const std::string& text : process_->take_events()) {
    got += (got.empty() ? "" : "; ") + text;
  }
  if (got.empty()) got = "nothing";
  if (got != joined(words, 1)) throw Difference{"logged " + got};
}

}  // namespace siplb::test
