// Plays one scenario: who sends what, and who must get what. The language is in README.md.
//
// An expectation that is not met is a difference, collected, since the exhaustion sweep plays
// scenarios that cannot go as written. What must hold in any case is thrown as std::logic_error.
// Thread: one.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "scenario/message_text.h"
#include "scenario/options.h"
#include "scenario/process.h"
#include "scenario/script.h"

namespace siplb::test {

class Player {
 public:
  explicit Player(const Resources& resources) : resources_(resources) {}

  // What went otherwise than written: "12: alice got 404, which nothing expects". Throws
  // ScriptError and std::logic_error, both with the line.
  [[nodiscard]] std::vector<std::string> play(const std::vector<Statement>& script);

 private:
  // A message that some party has sent or got.
  struct Known {
    std::string text;
    std::string party;
  };
  struct Party {
    SockAddress address;
    std::string listener = {};  // that it reaches us by; empty: the first of its family
    sip::Transport transport = sip::Transport::Udp;
    bool is_connection = false;  // it speaks by a stream that was accepted from its address
    std::string owner = {};      // of that, who listens elsewhere; empty: nobody does
  };
  // What a party gives its stream.
  struct Written {
    transport::Flow flow;
    std::string octets;
  };
  // A message that left, and when.
  struct Sent {
    SentMessage message;
    Instant at;
  };
  struct Difference {
    std::string text;
  };

  void play_guarded(const Statement& statement);  // collects its difference
  void play_statement(const Statement& statement);
  void play_case(const Statement& statement);
  void play_restart(const Statement& statement, const Words& words);
  void play_party(const Statement& statement);
  void play_room(const Words& words);
  void play_times(const Statement& statement, const Words& words);
  void play_inner(const Statement& statement);
  void play_let(const Statement& statement, const Words& words);
  void play_check(const Words& words);
  void play_expect(const Statement& statement, const Words& words);
  void play_counted(const Words& words);
  void play_logged(const Words& words);
  void play_send(const Statement& statement, const Words& words);
  void play_answer(const Statement& statement, const Words& words);
  void play_repeat(const Statement& statement, const Words& words);
  void play_unreachable(const Words& words);

  // player_health.cpp
  void play_server(const Words& words);
  void play_group(const Words& words);
  void play_node(const Words& words);
  void play_told(const Words& words);
  void play_calls(const Words& words);
  [[nodiscard]] balance::ServerIndex server_named(const std::string& name) const;

  // player_names.cpp
  void play_names(const Words& words);
  void play_asked(const Words& words);

  // player_streams.cpp
  bool play_stream(const Words& words);
  void play_together(const Statement& statement, const Words& words);
  [[nodiscard]] transport::Flow stream_of(const Party& party, transport::Flow flow);
  [[nodiscard]] std::string party_of(const transport::Flow& flow) const;  // empty: nobody

  void load_configuration(const Statement& statement);
  void start_process();
  void end_process(const std::string& where);
  void send(const std::string& party, const std::string& text, Options& options,
            std::optional<sip::Transport> transport = {});
  void collect(std::vector<SentMessage> sent);
  void begin_step(size_t line);
  void finish_step();
  [[nodiscard]] Sent take_expected(const std::string& party, const std::string& kind);
  [[nodiscard]] std::string text_of_sent(const Sent& sent) const;
  void check_listener(const Sent& sent, const std::string& listener);
  void check_local(const Sent& sent, const std::string& local);
  void check_transport(const Sent& sent, const std::string& transport);
  void check_line(const std::string& line, const Sent& sent);
  void edit(SipBuilder& builder, const std::vector<std::string>& block) const;

  // player_time.cpp
  void pass_time(Instant until);
  void run_out();
  [[nodiscard]] proxy::Tick tick() const;

  [[nodiscard]] std::string request_text(const Statement& statement, const std::string& party,
                                         const std::string& method, Options& options);
  [[nodiscard]] transport::Flow flow_of(const Party& party, const std::string& listener,
                                        sip::Transport transport);
  [[nodiscard]] const Party& party(const std::string& name) const;
  [[nodiscard]] Sender sender(const std::string& name, sip::Transport transport) const;
  [[nodiscard]] const Known& known(const std::string& name) const;
  [[nodiscard]] std::string expand(const std::string& text) const;  // $names
  [[nodiscard]] std::string evaluate(const Words& words) const;

  const Resources resources_;
  Resources room_ = resources_;  // less of some where the script says so
  std::optional<config::Configuration> configuration_;
  std::unique_ptr<Process> process_;
  uint32_t instance_ = 0;
  uint8_t node_key_ = 1;
  Instant now_{};
  std::map<std::string, Party> parties_;
  std::map<std::string, Known> known_;
  std::map<std::string, std::string> variables_;
  size_t branch_count_ = 0;
  // The step: time that passes, then at most one message given, and what both made leave.
  size_t step_line_ = 0;
  size_t step_octets_ = 0;
  std::vector<Sent> sent_;
  std::vector<Written>* together_ = nullptr;  // what is to arrive at once
  Process::Counted counted_;                  // as of the last `counted`
  std::vector<std::string> differences_;
};

}  // namespace siplb::test
