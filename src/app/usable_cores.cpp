#include "app/usable_cores.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

#include <sched.h>

namespace siplb::app {
namespace {

constexpr std::string_view kCgroupMount = "/sys/fs/cgroup";
constexpr std::string_view kUnifiedPrefix = "0::";  // the line of version 2 in /proc/self/cgroup

std::string first_line(const std::filesystem::path& file) {
  std::string line;
  std::ifstream stream(file);
  std::getline(stream, line);
  return line;
}

std::filesystem::path own_cgroup() {
  std::ifstream stream("/proc/self/cgroup");
  for (std::string line; std::getline(stream, line);) {
    if (line.starts_with(kUnifiedPrefix)) return line.substr(kUnifiedPrefix.size());
  }
  return "/";
}

}  // namespace

std::optional<size_t> parse_cpu_max(std::string_view text) {
  const std::string_view quota_text = text.substr(0, text.find(' '));
  if (quota_text.size() == text.size()) return std::nullopt;
  const std::string_view period_text = text.substr(quota_text.size() + 1);
  size_t quota = 0;
  size_t period = 0;
  const auto read = [](std::string_view digits, size_t& number) {
    return std::from_chars(digits.data(), digits.data() + digits.size(), number).ec == std::errc{};
  };
  // "max", which is no number, means no quota.
  if (!read(quota_text, quota) || !read(period_text, period) || period == 0) return std::nullopt;
  return std::max<size_t>(1, quota / period);
}

std::optional<size_t> cgroup_cores(const std::filesystem::path& root,
                                   const std::filesystem::path& cgroup) {
  std::optional<size_t> lowest;
  for (std::filesystem::path at = cgroup.lexically_normal().relative_path();;
       at = at.parent_path()) {
    const auto cores = parse_cpu_max(first_line(root / at / "cpu.max"));
    if (cores) lowest = std::min(*cores, lowest.value_or(*cores));
    if (at.empty()) return lowest;
  }
}

size_t usable_cores() {
  cpu_set_t usable;
  size_t cores = 1;
  if (sched_getaffinity(0, sizeof usable, &usable) == 0) {
    cores = static_cast<size_t>(CPU_COUNT(&usable));
  }
  return std::min(cores, cgroup_cores(kCgroupMount, own_cgroup()).value_or(cores));
}

}  // namespace siplb::app
