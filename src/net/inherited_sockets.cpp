#include "net/inherited_sockets.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace siplb::net {
namespace {

constexpr int kFirstInheritedFd = 3;  // SD_LISTEN_FDS_START

std::optional<size_t> parse_number(std::string_view text) {
  size_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : std::string_view{value};
}

// Cuts the next of the names that colons separate off the front.
std::string_view cut_name(std::string_view& names) {
  const std::string_view name = names.substr(0, names.find(':'));
  names.remove_prefix(std::min(name.size() + 1, names.size()));
  return name;
}

}  // namespace

InheritedSockets InheritedSockets::from_environment() {
  return from({.listen_pid = variable("LISTEN_PID"),
               .listen_fds = variable("LISTEN_FDS"),
               .listen_fdnames = variable("LISTEN_FDNAMES")},
              kFirstInheritedFd);
}

InheritedSockets InheritedSockets::from(const Environment& environment, int first_fd) {
  InheritedSockets inherited;
  if (parse_number(environment.listen_pid) != static_cast<size_t>(::getpid())) return inherited;
  const size_t count = parse_number(environment.listen_fds).value_or(0);
  std::string_view names = environment.listen_fdnames;
  for (size_t i = 0; i < count; ++i) {
    const int fd = first_fd + static_cast<int>(i);
    // A promise of more descriptors than are open ends at the first that is not.
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) break;
    inherited.entries_.push_back({std::string(cut_name(names)), FileDescriptor(fd)});
  }
  return inherited;
}

std::vector<std::string> InheritedSockets::names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) names.push_back(entry.name);
  return names;
}

std::vector<FileDescriptor> InheritedSockets::take_series(std::string_view prefix) {
  std::vector<std::pair<size_t, FileDescriptor>> numbered;
  std::erase_if(entries_, [&](Entry& entry) {
    if (!entry.name.starts_with(prefix)) return false;
    const auto number = parse_number(std::string_view(entry.name).substr(prefix.size()));
    if (number) numbered.emplace_back(*number, std::move(entry.fd));
    return number.has_value();
  });

  std::sort(numbered.begin(), numbered.end(),
            [](const auto& left, const auto& right) { return left.first < right.first; });
  std::vector<FileDescriptor> series;
  for (auto& [number, fd] : numbered) {
    if (number != series.size()) return {};
    series.push_back(std::move(fd));
  }
  return series;
}

FileDescriptor InheritedSockets::take(std::string_view name) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.name == name; });
  if (found == entries_.end()) return {};
  FileDescriptor fd = std::move(found->fd);
  entries_.erase(found);
  return fd;
}

}  // namespace siplb::net
