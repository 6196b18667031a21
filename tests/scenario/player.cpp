#include "scenario/player.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "config/load.h"
#include "sip/text.h"

namespace siplb::test {
namespace {

using Words = std::vector<std::string>;

// Days since 1970 when a scenario begins.
constexpr int64_t kFirstDay = 20'000;

std::string joined(const Words& words, size_t from) {
  std::string text;
  for (size_t i = from; i < words.size(); ++i) text += (i > from ? " " : "") + words[i];
  return text;
}

std::string joined_lines(const std::vector<std::string>& lines, std::string_view end) {
  std::string text;
  for (const std::string& line : lines) text.append(line).append(end);
  return text;
}

// "Name: value" -> both parts.
std::optional<std::pair<std::string, std::string>> split_header(const std::string& line) {
  const size_t colon = line.find(':');
  if (colon == std::string::npos || line.find(' ') < colon) return std::nullopt;
  return std::pair{line.substr(0, colon), std::string(sip::trim(line.substr(colon + 1)))};
}

// \r \n \0 \\ as in C.
std::string unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'r': out += '\r'; break;
      case 'n': out += '\n'; break;
      case '0': out += '\0'; break;
      default: out += text[i];
    }
  }
  return out;
}

std::string counts_text(const Process::Counts& counts) {
  std::string text;
  for (const auto& [name, value] : counts) {
    text += (text.empty() ? "" : ", ") + name + " " + std::to_string(value);
  }
  return text.empty() ? "nothing" : text;
}

Process::Counts since(const Process::Counts& before, const Process::Counts& now) {
  Process::Counts difference;
  for (const auto& [name, value] : now) {
    const auto old = before.find(name);
    const uint64_t added = value - (old == before.end() ? 0 : old->second);
    if (added != 0) difference[name] = added;
  }
  return difference;
}

}  // namespace

// key=value words of a statement, and `as NAME` and `in NAME`. All must be used.
class Player::Options {
 public:
  Options(const Words& words, size_t from) {
    for (size_t i = from; i < words.size(); ++i) {
      const size_t equals = words[i].find('=');
      if (equals != std::string::npos) {
        values_[words[i].substr(0, equals)] = words[i].substr(equals + 1);
      } else if (i + 1 < words.size()) {
        values_[words[i]] = words[i + 1];
        ++i;
      } else {
        throw ScriptError("'" + words[i] + "' needs a value");
      }
    }
  }

  std::optional<std::string> take(const std::string& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return std::nullopt;
    std::string value = found->second;
    values_.erase(found);
    return value;
  }
  void finish() const {
    if (!values_.empty()) throw ScriptError("unknown: '" + values_.begin()->first + "'");
  }

 private:
  std::map<std::string, std::string> values_;
};

std::vector<std::string> Player::play(const std::vector<Statement>& script) {
  for (const Statement& statement : script) {
    try {
      play_statement(statement);
    } catch (const Difference& difference) {
      differences_.push_back(std::to_string(statement.line) + ": " + difference.text);
    } catch (const ScriptError& error) {
      throw ScriptError(std::to_string(statement.line) + ": " + error.what());
    } catch (const std::logic_error& error) {
      throw std::logic_error(std::to_string(statement.line) + ": " + error.what());
    }
  }
  finish_step();
  if (process_) {
    const auto left = since(counted_.all, process_->counted().all);
    if (!left.empty()) differences_.push_back("end: no 'counted' for " + counts_text(left));
  }
  return std::move(differences_);
}

void Player::play_statement(const Statement& statement) {
  Words words = statement.words;
  if (words[0] == "at") {
    if (words.size() < 2) throw ScriptError("'at' needs a time");
    set_clock(words[1]);
    words.erase(words.begin(), words.begin() + 2);
    if (words.empty()) return;
  }
  if (words[0] == "config") return play_config(statement);
  if (!configuration_) throw ScriptError("a scenario begins with 'config'");
  if (words[0] == "party") return play_party(statement);
  if (words[0] == "restart") return play_restart(statement);
  if (words[0] == "let") return play_let(statement, words);
  if (words[0] == "check") return play_check(words);
  if (words[0] == "counted") return play_counted(statement);
  if (words[0] == "expect") return play_expect(statement, words);

  finish_step();
  step_line_ = statement.line;
  if (words.size() < 3) throw ScriptError("what is this?");
  if (words[1] == "sends") return play_send(statement, words);
  if (words[1] == "answers") return play_answer(statement, words);
  if (words[1] == "repeats") return play_repeat(statement, words);
  throw ScriptError("'" + words[1] + "' is nothing that a party does");
}

// ---- The process and its surroundings -----------------------------------------------------------

void Player::play_config(const Statement& statement) {
  const config::LoadResult loaded =
      config::load_text(joined_lines(statement.block, "\n"), "config", "/");
  if (!loaded.good()) {
    const config::Fault& fault = loaded.faults.front();
    throw ScriptError("in the configuration's line " + std::to_string(fault.place.line) + ": " +
                      fault.message);
  }
  configuration_ = loaded.configuration;
  for (const balance::GroupOptions& group : configuration_->groups) {
    for (const balance::ServerOptions& server : group.servers) {
      parties_[server.name] = {.address = server.address, .listener = {}};
    }
  }
  start_process();
}

void Player::start_process() {
  ++instance_;
  process_ = std::make_unique<Process>(
      *configuration_,
      ProcessOptions{.instance = instance_, .node_key = node_key_, .resources = resources_});
  counted_ = {};
}

void Player::play_restart(const Statement& statement) {
  finish_step();
  Options options(statement.words, 1);
  if (const auto key = options.take("key")) node_key_ = static_cast<uint8_t>(std::stoul(*key));
  options.finish();
  if (const auto left = since(counted_.all, process_->counted().all); !left.empty()) {
    differences_.push_back(std::to_string(statement.line) + ": no 'counted' for " +
                           counts_text(left));
  }
  if (statement.block.empty()) return start_process();
  play_config(statement);
}

void Player::play_party(const Statement& statement) {
  const Words& words = statement.words;
  if (words.size() < 3) throw ScriptError("party NAME ADDRESS");
  const auto address = SockAddress::parse(words[2]);
  if (!address) throw ScriptError("no address: " + words[2]);
  Options options(words, 3);
  parties_[words[1]] = {.address = *address, .listener = options.take("on").value_or("")};
  options.finish();
}

void Player::set_clock(const std::string& time) {
  static const std::map<std::string, Duration> kUnits = {{"ms", std::chrono::milliseconds(1)},
                                                         {"s", std::chrono::seconds(1)},
                                                         {"m", std::chrono::minutes(1)},
                                                         {"h", std::chrono::hours(1)},
                                                         {"d", std::chrono::days(1)}};
  int64_t number = 0;
  const auto [end, status] = std::from_chars(time.data(), time.data() + time.size(), number);
  const auto unit = kUnits.find(std::string(end, time.data() + time.size()));
  if (status != std::errc() || unit == kUnits.end()) throw ScriptError("no time: " + time);
  const Instant at{number * unit->second};
  if (at < now_) throw ScriptError("the clock does not run backwards");
  now_ = at;
}

const Player::Party& Player::party(const std::string& name) const {
  const auto found = parties_.find(name);
  if (found == parties_.end()) throw ScriptError("there is no party " + name);
  return found->second;
}

std::string Player::party_at(const SockAddress& address) const {
  for (const auto& [name, party] : parties_) {
    if (party.address == address) return name;
  }
  return "";
}

transport::Flow Player::flow_of(const Party& party, const std::string& listener) const {
  const proxy::Sides& sides = process_->snapshot().sides;
  const std::string& wanted = listener.empty() ? party.listener : listener;
  const bool is_server =
      process_->snapshot().topology.find_by_address(party.address) != balance::kNoServer;
  const auto egress = sides.egress(party.address.family());
  for (size_t i = 0; i < sides.size(); ++i) {
    const auto index = static_cast<transport::ListenerIndex>(i);
    const bool same_family = sides[index].bound.family() == party.address.family();
    const bool fits =
        wanted.empty() ? (is_server ? egress == index : same_family) : sides[index].name == wanted;
    if (fits) return {.remote = party.address, .listener = index};
  }
  throw ScriptError("no listener for " + std::string(party.address.text()));
}

// ---- Names and values ---------------------------------------------------------------------------

const Player::Known& Player::known(const std::string& name) const {
  const auto found = known_.find(name);
  if (found == known_.end()) throw Difference{"there is no message " + name};
  return found->second;
}

std::string Player::expand(const std::string& text) const {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$') {
      out += text[i];
      continue;
    }
    size_t end = i + 1;
    while (end < text.size() && (std::isalnum(text[end]) != 0 || text[end] == '_')) ++end;
    const std::string name = text.substr(i + 1, end - i - 1);
    const auto found = variables_.find(name);
    if (found == variables_.end()) throw Difference{"there is no $" + name};
    out += found->second;
    i = end - 1;
  }
  return out;
}

// "branch of M", "Contact of M", "flip $x", or text.
std::string Player::evaluate(const Words& words) const {
  if (words.size() == 3 && words[1] == "of") {
    const std::string& text = known(words[2]).text;
    if (words[0] == "branch") return branch_of(text);
    if (words[0] == "slb") return slb_of(text);
    if (words[0] == "token") return token_of(text);
    if (words[0] == "to-tag") return tag_of(first_value(text, "To"));
    return first_value(text, words[0]);
  }
  if (words.size() == 2 && words[0] == "flip") {
    std::string value = expand(words[1]);
    if (value.empty()) throw Difference{words[1] + " is empty"};
    char& octet = value[value.size() - value.size() / 3];
    octet = octet == 'a' ? 'b' : 'a';
    return value;
  }
  return expand(joined(words, 0));
}

void Player::play_let(const Statement& statement, const Words& words) {
  if (words.size() < 4 || words[2] != "=") throw ScriptError("let NAME = VALUE");
  variables_.erase(words[1]);
  const std::string value = evaluate(Words(words.begin() + 3, words.end()));
  if (value.empty()) throw Difference{"empty: " + statement.text};
  variables_[words[1]] = value;
}

void Player::play_check(const Words& words) {
  const auto is_sign = [](const std::string& word) { return word == "=" || word == "!="; };
  const auto sign = std::find_if(words.begin(), words.end(), is_sign);
  if (sign == words.end()) throw ScriptError("check VALUE = VALUE, or !=");
  const std::string left = evaluate(Words(words.begin() + 1, sign));
  const std::string right = evaluate(Words(sign + 1, words.end()));
  if ((left == right) != (*sign == "=")) {
    throw Difference{"'" + left + "' and '" + right + "': " + joined(words, 0)};
  }
}

// ---- What the parties do ------------------------------------------------------------------------

void Player::send(const std::string& name, const std::string& text, Options& options) {
  const Party& source = party(options.take("source").value_or(name));
  const transport::Flow flow = flow_of(source, options.take("on").value_or(""));
  if (const auto as = options.take("as")) known_[*as] = {.text = text, .party = name};
  options.finish();

  const auto days = std::chrono::floor<std::chrono::days>(now_.time_since_epoch()).count();
  step_octets_ = text.size();
  sent_ = process_->receive(flow, text,
                            {.now = now_, .today = static_cast<uint16_t>(kFirstDay + days)});
  for (const SentMessage& sent : sent_) {
    if (party_at(sent.to.remote).empty()) {
      throw std::logic_error("sent to a stranger, " + std::string(sent.to.remote.text()) + ":\n" +
                             sent.text);
    }
  }
}

void Player::play_send(const Statement& statement, const Words& words) {
  const std::string& name = words[0];
  static_cast<void>(party(name));
  if (words[2] == "octets") {
    if (words.size() < 4) throw ScriptError("NAME sends octets OCTETS");
    Options options(words, 4);
    return send(name, unescape(words[3]), options);
  }
  Options options(words, 3);
  if (words[2] == "text") {
    std::vector<std::string> lines;
    for (const std::string& line : statement.block) lines.push_back(unescape(expand(line)));
    return send(name, joined_lines(lines, "\r\n") + "\r\n", options);
  }
  const std::string text = request_text(statement, name, words[2], options);
  send(name, text, options);
}

std::string Player::request_text(const Statement& statement, const std::string& name,
                                 const std::string& method, Options& options) {
  const auto dialog = options.take("in");
  const auto transaction = options.take("for");
  const auto base = dialog ? dialog : transaction;
  RequestPlan plan{.method = method};
  if (base) {
    const std::string& text = known(*base).text;
    const bool is_new = dialog && method != "ACK" && method != "CANCEL";
    plan.cseq = cseq_of(text) + (is_new ? 1 : 0);
  }
  plan.branch =
      options.take("branch").value_or("z9hG4bK-" + name + "-" + std::to_string(++branch_count_));
  plan.from_tag = options.take("from-tag").value_or(name);
  plan.to_tag = options.take("to-tag").value_or("");
  if (const auto call = options.take("call")) plan.call = *call;
  if (const auto uri = options.take("uri")) plan.uri = *uri;
  if (const auto cseq = options.take("cseq")) plan.cseq = static_cast<uint32_t>(std::stoul(*cseq));
  const Sender sender{.name = name, .address = party(name).address};
  SipBuilder builder = dialog        ? in_dialog_request(sender, plan, known(*dialog).text)
                       : transaction ? in_transaction_request(plan, known(*transaction).text)
                                     : new_request(sender, plan);
  edit(builder, statement.block);
  return builder.str();
}

void Player::play_answer(const Statement& statement, const Words& words) {
  if (words.size() < 4) throw ScriptError("NAME answers MESSAGE CODE");
  const std::string& name = words[0];
  Options options(words, 4);
  const std::string& request = known(words[2]).text;
  SipBuilder builder = SipBuilder::answer_to(request, static_cast<uint16_t>(std::stoul(words[3])));
  const std::string to = first_value(request, "To");
  const std::string tag = options.take("to-tag").value_or(name);
  if (tag_of(to).empty() && words[3] != "100") builder.to(to + ";tag=" + tag);
  const std::string address(party(name).address.text());
  builder.contact("<sip:" + name + "@" + address + ">");
  edit(builder, statement.block);
  send(name, builder.str(), options);
}

void Player::play_repeat(const Statement& statement, const Words& words) {
  Options options(words, 3);
  SipBuilder builder = builder_of(known(words[2]).text);
  edit(builder, statement.block);
  send(words[0], builder.str(), options);
}

// "Name: value" sets a header, or adds one where the block has set that name before; "above Name:
// value" adds it on top; "no Name" removes it; "body TEXT"; "start LINE".
void Player::edit(SipBuilder& builder, const std::vector<std::string>& block) const {
  std::set<std::string> seen;
  for (const std::string& raw : block) {
    const std::string line = expand(raw);
    const size_t space = line.find(' ');
    const std::string word = line.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    if (const auto header = split_header(line)) {
      if (seen.insert(header->first).second) {
        builder.set(header->first, header->second);
      } else {
        builder.add(header->first, header->second);
      }
    } else if (word == "no") {
      builder.remove(rest);
    } else if (word == "body") {
      builder.body(unescape(rest));
    } else if (word == "start") {
      builder.start_line(rest);
    } else if (const auto above = split_header(rest); word == "above" && above) {
      builder.push(above->first, above->second);
    } else {
      throw ScriptError("not understood: " + raw);
    }
  }
}

// ---- What must follow ---------------------------------------------------------------------------

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
    got += " counted: " + counts_text(since(counted_.all, process_->counted().all));
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
    throw Difference{"counted " + counts_text(got) + "; expected " + counts_text(wanted)};
  }
}

}  // namespace siplb::test
