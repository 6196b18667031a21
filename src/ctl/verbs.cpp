// The table of all verbs (verb.h): a new one is a row.
#include "ctl/change.h"
#include "ctl/check.h"
#include "ctl/doctor.h"
#include "ctl/dump.h"
#include "ctl/route_test.h"
#include "ctl/show.h"
#include "ctl/top.h"
#include "ctl/trace.h"
#include "ctl/verb.h"

namespace siplb::ctl {
namespace {

using Kind = Argument::Kind;

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

// GROUP/NAME, or GROUP/NAME/PLACE. Names have none but these characters, so that they can stand in
// a path as they are.
std::string check_server(const std::string& text) {
  bool is_well_formed = true;
  for (const char c : text) is_well_formed = is_well_formed && (c == '/' || is_name_char(c));
  const size_t slash = text.find('/');
  const bool has_both = slash != std::string::npos && slash > 0 && slash + 1 < text.size();
  return is_well_formed && has_both ? "" : "'" + text + "' is not GROUP/NAME";
}

std::string check_what(const std::string& text) {
  return text == "state" || text == "weight" ? "" : "'" + text + "' is neither state nor weight";
}

std::string check_reset(const std::string& text) {
  return text == "reset" ? "" : "'" + text + "' is not reset";
}

std::string check_number(const std::string& text) {
  const bool is_number = !text.empty() && text.size() <= 9 &&
                         text.find_first_not_of("0123456789") == std::string::npos;
  return is_number ? "" : "'" + text + "' is no number";
}

const Argument kServer{.name = "server", .help = "GROUP/NAME", .check = check_server};

const std::vector<Verb> kVerbs = {
    {"show servers",
     "All servers",
     "SINCE is how long the server has its health. CALLS are those that it has, and those that\n"
     "are being set up.",
     {},
     show_servers},
    {"show server",
     "One server and its last changes",
     "Of a server that has a host name: each of its places. Example:\n"
     "  siplbctl show server pbx/s1",
     {kServer},
     show_server},
    {"show groups",
     "All groups",
     "IN USE are the servers that get new work. A group in panic has too few servers that are\n"
     "up, so that health is ignored.",
     {},
     show_groups},
    {"show listeners",
     "Where siplbd listens, and what it is known as",
     "QUEUE is what the kernel holds for us, DROPS what it had no room for, of datagrams.",
     {},
     show_listeners},
    {"show workers", "What each worker does", "", {}, show_workers},
    {"show connections",
     "Connections, and who has most of them",
     "An IPv6 source is a /64.",
     {},
     show_connections},
    {"show memory", "What memory is set aside for", "", {}, show_memory},
    {"show events",
     "The last events of the log",
     "The last 1000 are there to be asked for. Example:\n"
     "  siplbctl show events --last 200 --follow",
     {{.name = "--last",
       .kind = Kind::Value,
       .help = "So many; 50 if not given",
       .check = check_number},
      {.name = "--follow", .kind = Kind::Flag, .help = "Go on with those that come"}},
     show_events},
    {"show key",
     "The fingerprint of the node's key, and its age",
     "Nodes that share an address must have the same key: compare fingerprints.",
     {},
     show_key},
    {"why-down", "Say why a server gets no new work", "", {kServer}, why_down},
    {"bans",
     "Who is refused now",
     "Sources that have as many connections as limits.connections_per_source allows.",
     {},
     bans},
    {"top",
     "What happens, live",
     "q or ^C ends it. With --json it prints an object each second.",
     {{.name = "--once", .kind = Kind::Flag, .help = "Print one frame, and end"}},
     top},
    {"trace",
     "Follow calls live, as ladders",
     "Of what is given all must hold. Bodies, passwords and other headers than From, To, Call-ID\n"
     "and CSeq are not looked at. There is one trace at a time; ^C ends it. Examples:\n"
     "  siplbctl trace --user alice\n"
     "  siplbctl trace --server pbx/s1 --seconds 600 --json",
     {{.name = "--call-id", .kind = Kind::Value, .help = "Of calls with this Call-ID"},
      {.name = "--user", .kind = Kind::Value, .help = "With this user in From, To or Request-URI"},
      {.name = "--server",
       .kind = Kind::Value,
       .help = "That GROUP/NAME sends or gets",
       .check = check_server},
      {.name = "--count",
       .kind = Kind::Value,
       .help = "End after so many messages; 10000 if not given",
       .check = check_number},
      {.name = "--seconds",
       .kind = Kind::Value,
       .help = "End after so long; 60 if not given",
       .check = check_number}},
     trace},
    {"route-test",
     "Say which server a request would get, and why",
     "siplbd decides as always, but sends nothing. Calls that are under way are not looked at.\n"
     "Examples:\n"
     "  siplbctl route-test --uri sip:bob@example.com --source 192.0.2.7\n"
     "  siplbctl route-test --message invite.sip --listener inside --source 10.0.2.1:5060",
     {{.name = "--message",
       .kind = Kind::Value,
       .help = "A whole message, out of this file; of standard input: -"},
      {.name = "--method", .kind = Kind::Value, .help = "INVITE if not given"},
      {.name = "--uri", .kind = Kind::Value, .help = "The Request-URI"},
      {.name = "--from", .kind = Kind::Value, .help = "From: a URI, or all of the value"},
      {.name = "--to", .kind = Kind::Value, .help = "To; the Request-URI if not given"},
      {.name = "--header", .kind = Kind::Values, .help = "One more header: 'Name: value'"},
      {.name = "--listener",
       .kind = Kind::Value,
       .help = "Where it comes in; the first if not given"},
      {.name = "--transport", .kind = Kind::Value, .help = "udp or tcp"},
      {.name = "--source", .kind = Kind::Value, .help = "Who sends it: IP or IP:PORT"},
      {.name = "--local",
       .kind = Kind::Value,
       .help = "Our address that it comes to, where a listener has several"}},
     route_test},
    {"set server",
     "Set a server's state or weight, now and after restarts",
     "ready: new work as its health allows. drain: no new work, dialogs go on. maint: no "
     "traffic\n"
     "at all. weight: 0 to 1000; that of the configuration ends the setting. Examples:\n"
     "  siplbctl set server pbx/s1 state drain\n"
     "  siplbctl set server pbx/s1 weight 50",
     {kServer,
      {.name = "what", .help = "state or weight", .check = check_what},
      {.name = "value", .help = "ready, drain or maint; or 0 to 1000"},
      {.name = "--force",
       .kind = Kind::Flag,
       .help = "Even if it is the last usable server of its group"}},
     set_server},
    {"drain",
     "Refuse new work, while dialogs go on",
     "The node is not ready any more (/readyz), its own OPTIONS are answered 503, and so is all\n"
     "that begins something new. A restart ends it.",
     {{.name = "--wait", .kind = Kind::Flag, .help = "End when no call is left"},
      {.name = "--cancel", .kind = Kind::Flag, .help = "Take new work again"}},
     drain},
    {"reload",
     "Read the configuration again, and go by it",
     "What has changed is printed. A file with faults changes nothing: each is printed with its\n"
     "place. Servers that stay keep their health, calls and connections, and what operators "
     "have\n"
     "set of them, unless with --state reset.",
     {{.name = "--state",
       .kind = Kind::Value,
       .help = "reset: forget what operators have set",
       .check = check_reset}},
     reload},
    {"check",
     "Say what is wrong with a configuration file",
     "Asks no daemon. Also prints what memory the file asks for.",
     {{.name = "file", .help = "The file"}},
     check},
    {"doctor",
     "Look for settings of this host that harm siplb",
     "Asks siplbd where it listens, if it runs. Exits with 1 where something is wrong.",
     {},
     doctor},
    {"dump",
     "All that helps to understand a problem, as one text",
     "Passwords are taken out; keys are never in it. Without siplbd it holds what the host\n"
     "says. Example:\n"
     "  siplbctl dump > siplb.txt",
     {},
     dump},
};

}  // namespace

std::span<const Verb> verbs() {
  return kVerbs;
}

}  // namespace siplb::ctl
