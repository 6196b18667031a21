#include "scenario/player.h"

#include <algorithm>
#include <set>

#include "config/load.h"

namespace siplb::test {
namespace {

std::string joined_lines(const std::vector<std::string>& lines, std::string_view end) {
  std::string text;
  for (const std::string& line : lines) text.append(line).append(end);
  return text;
}

}  // namespace

std::vector<std::string> Player::play(const std::vector<Statement>& script) {
  for (const Statement& statement : script) {
    try {
      play_guarded(statement);
    } catch (const ScriptError& error) {
      throw ScriptError(std::to_string(statement.line) + ": " + error.what());
    } catch (const std::logic_error& error) {
      throw std::logic_error(std::to_string(statement.line) + ": " + error.what());
    }
  }
  end_process("end");
  return std::move(differences_);
}

void Player::play_guarded(const Statement& statement) {
  try {
    play_statement(statement);
  } catch (const Difference& difference) {
    differences_.push_back(std::to_string(statement.line) + ": " + difference.text);
  }
}

void Player::play_statement(const Statement& statement) {
  Words words = statement.words;
  if (words[0] == "config" || words[0] == "case") return play_case(statement);
  if (!process_) throw ScriptError("a scenario begins with 'config'");
  const bool is_timed = words[0] == "at";
  if (is_timed) {
    if (words.size() < 2) throw ScriptError("'at' needs a time");
    begin_step(statement.line);
    pass_time(read_time(words[1]));
    words.erase(words.begin(), words.begin() + 2);
    if (words.empty()) return;
  }
  if (words[0] == "party") return play_party(statement);
  if (words[0] == "room") return play_room(words);
  if (words[0] == "times") return play_times(statement, words);
  if (words[0] == "restart") return play_restart(statement, words);
  if (words[0] == "let") return play_let(statement, words);
  if (words[0] == "check") return play_check(words);
  if (words[0] == "counted") return play_counted(words);
  if (words[0] == "logged") return play_logged(words);
  if (words[0] == "expect") return play_expect(statement, words);
  if (words[0] == "server") return play_server(words);
  if (words[0] == "group") return play_group(words);
  if (words[0] == "node") return play_node(words);
  if (words[0] == "told") return play_told(words);
  if (words[0] == "calls") return play_calls(words);
  if (words[0] == "asked") return play_asked(words);

  if (!is_timed) begin_step(statement.line);
  if (words[0] == "unreachable") return play_unreachable(words);
  if (words[0] == "names") return play_names(words);
  if (words[0] == "together") return play_together(statement, words);
  if (words.size() == 2 && play_stream(words)) return;
  if (words.size() < 3) throw ScriptError("what is this?");
  if (words[1] == "sends") return play_send(statement, words);
  if (words[1] == "answers") return play_answer(statement, words);
  if (words[1] == "repeats") return play_repeat(statement, words);
  throw ScriptError("'" + words[1] + "' is nothing that a party does");
}

// ---- The process and its surroundings -----------------------------------------------------------

// Everything begins anew, but for the parties, and for the configuration if there is none below.
void Player::play_case(const Statement& statement) {
  const bool is_first = !process_;
  if (is_first != (statement.words[0] == "config")) {
    throw ScriptError("one 'config' to begin with, then 'case'");
  }
  if (!is_first) end_process(std::to_string(statement.line));
  known_.clear();
  variables_.clear();
  room_ = resources_;
  now_ = {};
  instance_ = 0;
  node_key_ = 1;
  if (is_first || !statement.block.empty()) load_configuration(statement);
  start_process();
}

void Player::load_configuration(const Statement& statement) {
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
      parties_[server.name] = {.address = server.address, .transport = server.transport};
    }
  }
}

void Player::start_process() {
  ++instance_;
  process_ = std::make_unique<Process>(
      *configuration_,
      ProcessOptions{
          .instance = instance_, .node_key = node_key_, .started_at = now_, .resources = room_});
  counted_ = {};
}

void Player::end_process(const std::string& where) {
  finish_step();
  if (!process_) return;
  if (const auto left = since(counted_.all, process_->counted().all); !left.empty()) {
    differences_.push_back(where + ": no 'counted' for " + text_of(left));
  }
  run_out();
}

void Player::play_restart(const Statement& statement, const Words& words) {
  Options options(words, 1);
  const auto key = options.take("key");
  options.finish();
  end_process(std::to_string(statement.line));
  if (key) node_key_ = static_cast<uint8_t>(std::stoul(*key));
  if (!statement.block.empty()) load_configuration(statement);
  start_process();
}

// The process, new as it is, is made again with less room than usual.
void Player::play_room(const Words& words) {
  static constexpr std::pair<const char*, size_t Resources::*> kNames[] = {
      {"calls", &Resources::calls},       {"others", &Resources::others},
      {"sends", &Resources::sends},       {"contexts", &Resources::contexts},
      {"finished", &Resources::finished}, {"held", &Resources::held},
      {"moved", &Resources::moved},       {"asks", &Resources::asks}};
  Options options(words, 1);
  for (const auto& [name, resource] : kNames) {
    const auto amount = options.take(name);
    if (amount) room_.*resource = std::min<size_t>(room_.*resource, std::stoul(*amount));
  }
  options.finish();
  --instance_;
  start_process();
}

// Plays the statements below again and again, with $n for the number of the turn.
void Player::play_times(const Statement& statement, const Words& words) {
  const size_t count = words.size() == 2 ? std::stoul(words[1]) : 0;
  for (size_t n = 1; n <= count; ++n) {
    variables_["n"] = std::to_string(n);
    play_inner(statement);
  }
}

// The statements below it.
void Player::play_inner(const Statement& statement) {
  for (Statement& inner : parse_script(joined_lines(statement.block, "\n"))) {
    for (std::string& word : inner.words) word = expand(word);
    inner.line += statement.line;
    play_guarded(inner);
  }
}

void Player::play_party(const Statement& statement) {
  const Words& words = statement.words;
  if (words.size() < 3) throw ScriptError("party NAME ADDRESS");
  const auto address = SockAddress::parse(words[2]);
  if (!address) throw ScriptError("no address: " + words[2]);
  Options options(words, 3);
  Party& made = parties_[words[1]];
  made = {.address = *address, .listener = options.take("on").value_or("")};
  if (const auto over = options.take("over")) {
    made.transport = read_transport(*over);
    made.is_connection = made.transport != sip::Transport::Udp;
  }
  made.owner = options.take("of").value_or("");
  options.finish();
}

const Player::Party& Player::party(const std::string& name) const {
  const auto found = parties_.find(name);
  if (found == parties_.end()) throw ScriptError("there is no party " + name);
  return found->second;
}

// As it calls itself: where its connections come from, nobody listens.
Sender Player::sender(const std::string& name, sip::Transport transport) const {
  const Party& self = party(name);
  const Party& at = self.owner.empty() ? self : party(self.owner);
  return {.name = name, .address = at.address, .transport = transport};
}

transport::Flow Player::flow_of(const Party& party, const std::string& listener,
                                sip::Transport transport) {
  const proxy::Sides& sides = process_->snapshot().sides;
  const std::string& wanted = listener.empty() ? party.listener : listener;
  const balance::ServerIndex server = process_->snapshot().topology.find_by_address(party.address);
  const auto to_server = process_->snapshot().flow_to(server, {party.address, transport});
  for (size_t i = 0; i < sides.size(); ++i) {
    const auto index = static_cast<transport::ListenerIndex>(i);
    const bool same_family = sides[index].has(party.address.family(), transport);
    const bool is_usual =
        server == balance::kNoServer ? same_family : to_server && to_server->listener == index;
    const bool fits = wanted.empty() ? is_usual : sides[index].name == wanted;
    if (!fits) continue;
    return stream_of(party, {.remote = party.address, .listener = index, .transport = transport});
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

void Player::send(const std::string& name, const std::string& text, Options& options,
                  std::optional<sip::Transport> transport) {
  const Party& source = party(options.take("source").value_or(name));
  if (const auto over = options.take("over")) transport = read_transport(*over);
  if (source.is_connection || !transport) transport = source.transport;
  transport::Flow flow = flow_of(source, options.take("on").value_or(""), *transport);
  if (const auto local = options.take("local")) flow.local = read_ip(*local);
  if (const auto as = options.take("as")) known_[*as] = {.text = text, .party = name};
  options.finish();

  step_octets_ = text.size();
  if (together_ != nullptr) return together_->push_back({flow, text});
  collect(process_->receive(flow, text, tick()));
}

void Player::collect(std::vector<SentMessage> sent) {
  for (SentMessage& message : sent) {
    if (party_of(message.to).empty()) {
      throw std::logic_error("sent to a stranger, " + std::string(message.to.remote.text()) +
                             ":\n" + message.text);
    }
    sent_.push_back({.message = std::move(message), .at = now_});
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
  const auto over = options.look("over");
  const Sender self = sender(name, over ? read_transport(*over) : party(name).transport);
  SipBuilder builder = dialog        ? in_dialog_request(self, plan, known(*dialog).text)
                       : transaction ? in_transaction_request(plan, known(*transaction).text)
                                     : new_request(self, plan);
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
  const sip::Transport transport = transport_of(request);
  builder.contact("<" + contact_of(sender(name, transport)) + ">");
  edit(builder, statement.block);
  send(name, builder.str(), options, transport);
}

void Player::play_repeat(const Statement& statement, const Words& words) {
  Options options(words, 3);
  SipBuilder builder = builder_of(known(words[2]).text);
  edit(builder, statement.block);
  send(words[0], builder.str(), options);
}

// The wire says that a request, of which it quotes the beginning, did not reach whom it was sent
// to.
void Player::play_unreachable(const Words& words) {
  if (words.size() < 2) throw ScriptError("unreachable MESSAGE");
  Options options(words, 2);
  const Known& request = known(words[1]);
  const std::string& to = options.take("to").value_or(request.party);
  const size_t length = std::stoul(options.take("quote").value_or("65535"));
  options.finish();
  collect(process_->undelivered(request.text.substr(0, length), party(to).address, tick()));
}

// "Name: value" sets a header, or adds one where the block has set that name before; "above Name:
// value" adds it on top; "no Name" removes it; "body TEXT"; "padding N", a body of N
// octets; "start LINE".
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
    } else if (word == "padding") {
      builder.body(std::string(std::stoul(rest), 'x'));
    } else if (word == "start") {
      builder.start_line(rest);
    } else if (const auto above = split_header(rest); word == "above" && above) {
      builder.push(above->first, above->second);
    } else {
      throw ScriptError("not understood: " + raw);
    }
  }
}

}  // namespace siplb::test
