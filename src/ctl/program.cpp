#include "ctl/program.h"

#include <algorithm>
#include <array>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace siplb::ctl {
namespace {

// Both ends are closed in the child, but for what it writes to.
class Pipe {
 public:
  Pipe() { is_open_ = pipe2(ends_.data(), O_CLOEXEC) == 0; }
  ~Pipe() {
    close_writer();
    if (is_open_) close(ends_[0]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  [[nodiscard]] bool is_open() const { return is_open_; }
  [[nodiscard]] int reader() const { return ends_[0]; }
  [[nodiscard]] int writer() const { return ends_[1]; }
  void close_writer() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
  bool is_open_ = false;
};

// False at its end.
bool read_some(int fd, std::string& text) {
  std::array<char, 4096> octets;
  const ssize_t length = read(fd, octets.data(), octets.size());
  if (length <= 0) return false;
  text.append(octets.data(), std::min(static_cast<size_t>(length), kPrintedMax - text.size()));
  return true;
}

void read_all(const Pipe& out, const Pipe& errors, Printed& printed) {
  std::array<pollfd, 2> watched = {{{.fd = out.reader(), .events = POLLIN, .revents = 0},
                                    {.fd = errors.reader(), .events = POLLIN, .revents = 0}}};
  while (watched[0].fd >= 0 || watched[1].fd >= 0) {
    if (poll(watched.data(), watched.size(), -1) < 0) return;
    // poll() passes over what has no descriptor.
    if (watched[0].revents != 0 && !read_some(out.reader(), printed.out)) watched[0].fd = -1;
    if (watched[1].revents != 0 && !read_some(errors.reader(), printed.errors)) watched[1].fd = -1;
  }
}

}  // namespace

std::optional<Printed> run_program(const std::vector<std::string>& arguments) {
  Pipe out;
  Pipe errors;
  if (!out.is_open() || !errors.is_open()) return std::nullopt;
  std::vector<char*> pointers;
  // The kernel takes them so, and leaves them as they are.
  for (const std::string& each : arguments) pointers.push_back(const_cast<char*>(each.c_str()));
  pointers.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, out.writer(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors.writer(), STDERR_FILENO);
  // Whatever we block, it can be ended.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t child = 0;
  const int fault =
      posix_spawnp(&child, pointers[0], &actions, &attributes, pointers.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (fault != 0) return std::nullopt;
  out.close_writer();
  errors.close_writer();
  Printed printed;
  read_all(out, errors, printed);
  int status = 0;
  if (waitpid(child, &status, 0) != child) return std::nullopt;
  printed.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return printed;
}

}  // namespace siplb::ctl
