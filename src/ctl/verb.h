// A verb of siplbctl: its words, what it takes, what --help says, and what carries it out.
//
// All of them stand in one table (verbs.cpp), which the command line is made of; each is carried
// out by a function in the file of its theme. Whoever adds one adds a row.
// Thread: one.
#pragma once

#include <cstdint>
#include <map>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace siplb::ctl {

inline constexpr int kExitDone = 0;
inline constexpr int kExitRefused = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitNoDaemon = 3;

struct Argument {
  enum class Kind : uint8_t {
    Required,  // stands behind the verb
    Optional,  // so does this
    Value,     // --name VALUE
    Values,    // the same, as often as wanted: a line for each
    Flag,      // --name
  };
  const char* name;  // "server", "--state"
  Kind kind = Kind::Required;
  const char* help = "";
  // What is wrong with a value; empty: nothing. Null: nothing ever is.
  std::string (*check)(const std::string& value) = nullptr;
};

enum class Output : uint8_t { People, Json };

struct Verb;

// What is to be done.
struct Command {
  const Verb* verb = nullptr;
  std::map<std::string, std::string, std::less<>> values;  // by the argument's name
  Output output = Output::People;
  std::string socket;

  [[nodiscard]] bool has(std::string_view name) const { return values.contains(name); }
  // Empty where it is not given.
  [[nodiscard]] std::string value(std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  }
};

struct Streams {
  std::ostream& out;
  std::ostream& errors;
};
// Says what is wrong with the command, and gives the exit code for that.
[[nodiscard]] inline int usage_fault(const Streams& streams, const std::string& text) {
  streams.errors << "siplbctl: " << text << '\n';
  return kExitUsage;
}

struct Verb {
  const char* words;    // "show server"
  const char* summary;  // a line
  const char* details;  // what --help says below it
  std::vector<Argument> arguments;
  // Returns the exit code. May throw std::exception where what it is told makes no sense.
  int (*run)(const Command& command, const Streams& streams);
};

[[nodiscard]] std::span<const Verb> verbs();

}  // namespace siplb::ctl
