#include "ctl/top.h"

#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <ostream>
#include <sstream>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "ctl/ask.h"
#include "ctl/top_frame.h"

namespace siplb::ctl {
namespace {

constexpr std::chrono::milliseconds kPeriod{1000};
constexpr size_t kRowsOnce = 1000;  // where there is no terminal to say how many it has
constexpr const char* kEnter = "\x1b[?1049h\x1b[?25l";  // another screen, no cursor
constexpr const char* kLeave = "\x1b[?25h\x1b[?1049l";
constexpr const char* kHome = "\x1b[H";
constexpr const char* kClearLine = "\x1b[K\n";
constexpr const char* kClearRest = "\x1b[J";

// The signals that end the program, as something to wait for.
class EndSignals {
 public:
  EndSignals() {
    sigset_t ends;
    sigemptyset(&ends);
    for (const int each : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ends, each);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    fd_ = signalfd(-1, &ends, SFD_CLOEXEC);
  }
  ~EndSignals() {
    if (fd_ >= 0) close(fd_);
  }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

// A terminal that shows frames instead of lines; it is as it was afterwards.
class Screen {
 public:
  explicit Screen(std::ostream& out) : out_(out) {
    tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    out_ << kEnter << std::flush;
  }
  ~Screen() {
    out_ << kLeave << std::flush;
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  [[nodiscard]] static size_t rows() {
    winsize size{};
    const bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    return is_known ? size.ws_row : 24;
  }
  void show(const std::string& frame) {
    out_ << kHome;
    std::istringstream lines(frame);
    for (std::string line; std::getline(lines, line);) out_ << line << kClearLine;
    out_ << kClearRest << std::flush;
  }

 private:
  std::ostream& out_;
  termios before_{};
};

enum class Wish : uint8_t { GoOn, End };

// Waits for the next frame, unless somebody wants an end.
Wish wait(const EndSignals& signals, int keyboard) {
  const auto end = std::chrono::steady_clock::now() + kPeriod;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return Wish::GoOn;
    std::array<pollfd, 2> watched = {{{.fd = signals.fd(), .events = POLLIN, .revents = 0},
                                      {.fd = keyboard, .events = POLLIN, .revents = 0}}};
    if (poll(watched.data(), watched.size(), static_cast<int>(left.count())) <= 0) continue;
    char key = 0;
    const bool is_key = watched[1].revents != 0;
    if (!is_key || read(keyboard, &key, 1) != 1 || key == 'q') return Wish::End;
  }
}

// Nothing where siplbd does not answer; then `code` says why.
std::optional<Look> look(const Command& command, const Streams& streams, int& code) {
  Look out;
  for (const auto& [path, body] :
       {std::pair("/v1/status", &out.status), std::pair("/v1/servers", &out.servers),
        std::pair("/v1/traffic", &out.traffic)}) {
    Asked asked = ask(command, streams, path);
    if (const int* refused = std::get_if<int>(&asked)) {
      code = *refused;
      return std::nullopt;
    }
    *body = std::move(*std::get_if<std::string>(&asked));
  }
  return out;
}

// Until somebody wants an end. Where siplbd does not answer for a while, that is shown.
int watch(const Command& command, const Streams& streams, const EndSignals& signals, Look before) {
  Screen screen(streams.out);
  int code = kExitDone;
  while (wait(signals, STDIN_FILENO) == Wish::GoOn) {
    std::ostringstream errors;
    auto now = look(command, {streams.out, errors}, code);
    screen.show(now ? top_frame({before, *now}, Screen::rows()) : errors.str());
    if (now) before = std::move(*now);
  }
  return kExitDone;
}

}  // namespace

int top(const Command& command, const Streams& streams) {
  int code = kExitDone;
  auto before = look(command, streams, code);
  if (!before) return code;
  const EndSignals signals;
  const bool is_json = command.output == Output::Json;
  const bool is_once = command.has("--once") ||
                       (!is_json && (isatty(STDOUT_FILENO) == 0 || isatty(STDIN_FILENO) == 0));
  if (!is_once && !is_json) return watch(command, streams, signals, std::move(*before));
  while (wait(signals, -1) == Wish::GoOn) {
    auto now = look(command, streams, code);
    if (!now) return code;
    const Looks looks{.before = std::move(*before), .now = std::move(*now)};
    streams.out << (is_json ? top_json(looks) : top_frame(looks, kRowsOnce)) << std::flush;
    if (is_once) return kExitDone;
    before = looks.now;
  }
  return kExitDone;
}

}  // namespace siplb::ctl
