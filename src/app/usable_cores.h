// How many processors' worth of time this process can have.
//
// Thread: any; read once at start.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>

namespace siplb::app {

// The lesser of the affinity mask and the quotas of our cgroup (version 2) and those above it,
// rounded down; at least 1.
[[nodiscard]] size_t usable_cores();

// Whole processors in a cpu.max file ("200000 100000" is 2); nothing where there is no quota.
[[nodiscard]] std::optional<size_t> parse_cpu_max(std::string_view text);
// The lowest quota from `cgroup` ("/system.slice/siplbd.service") up to `root`, where cgroups are
// mounted; nothing where none has a quota.
[[nodiscard]] std::optional<size_t> cgroup_cores(const std::filesystem::path& root,
                                                 const std::filesystem::path& cgroup);

}  // namespace siplb::app
