#include "app/call_tables.h"

#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "balance/affinity_entry.h"
#include "base/assert.h"
#include "config/configuration.h"

namespace siplb::app {
namespace {

using balance::AffinityEntry;

// Of whatever an entry or the header holds, and of how keys, ids and hashes in them come about.
constexpr uint32_t kLayoutVersion = 1;
constexpr std::array<char, 8> kMagic = {'s', 'i', 'p', 'l', 'b', 't', 'a', 'b'};
constexpr size_t kPage = 4096;
// Nobody changes its size any more, so no touch of it can fail.
constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
// Says that nobody will execute it, which some systems insist on. Of Linux 6.3.
constexpr unsigned kNoExecSeal = 8;

struct Header {
  std::array<char, 8> magic = kMagic;
  uint32_t version = kLayoutVersion;
  uint32_t lanes = 0;
  uint64_t call_entries = 0;
  uint64_t other_entries = 0;
  HashKey key;
  uint64_t check = 0;  // over all before it
};
static_assert(sizeof(Header) == 56 && sizeof(Header) <= kPage);

uint64_t check_of(const Header& header) {
  return hash_octets({reinterpret_cast<const char*>(&header), offsetof(Header, check)});
}

Header header_of(const CallTables::Shape& shape, const HashKey& key) {
  Header header{.lanes = static_cast<uint32_t>(shape.lanes),
                .call_entries = shape.call_entries,
                .other_entries = shape.other_entries,
                .key = key};
  header.check = check_of(header);
  return header;
}

size_t region_octets(size_t entries) {
  return (entries * sizeof(AffinityEntry) + kPage - 1) / kPage * kPage;
}

size_t octets_of(const CallTables::Shape& shape) {
  return kPage +
         shape.lanes * (region_octets(shape.call_entries) + region_octets(shape.other_entries));
}

Result<net::FileDescriptor> open_memory(size_t octets) {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  net::FileDescriptor fd(memfd_create("siplb-calls", kFlags | kNoExecSeal));
  if (!fd.is_open() && errno == EINVAL) {
    fd = net::FileDescriptor(memfd_create("siplb-calls", kFlags));
  }
  if (!fd.is_open() || ftruncate(fd.get(), static_cast<off_t>(octets)) != 0 ||
      fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) {
    return system_error(ErrorCode::MemoryFileOpen);
  }
  return fd;
}

// Nothing where it has none, or is no such memory.
std::optional<size_t> sealed_octets(const net::FileDescriptor& fd) {
  const int seals = fcntl(fd.get(), F_GET_SEALS);
  struct stat status;
  if (seals < 0 || (seals & kSeals) != kSeals || fstat(fd.get(), &status) != 0) {
    return std::nullopt;
  }
  return static_cast<size_t>(status.st_size);
}

// A table of so many entries can be in so many octets.
bool is_table_size(uint64_t entries, size_t octets) {
  return std::has_single_bit(entries) && entries >= balance::kAffinityWays &&
         entries <= octets / sizeof(AffinityEntry);
}

// Why a header is not ours, or not of these octets; empty where it is.
std::string_view fault_of(const Header& header, size_t octets) {
  if (header.magic != kMagic) return "no call tables";
  if (header.version != kLayoutVersion) return "of another version";
  if (header.check != check_of(header)) return "header damaged";
  const bool is_shape = header.lanes >= 1 && header.lanes <= config::kLanesMax &&
                        is_table_size(header.call_entries, octets) &&
                        is_table_size(header.other_entries, octets);
  const CallTables::Shape shape{header.lanes, header.call_entries, header.other_entries};
  return is_shape && octets_of(shape) == octets ? "" : "of another size than its header says";
}

}  // namespace

CallTables::CallTables(const Shape& shape, const HashKey& key, MemoryRegion region,
                       net::FileDescriptor fd)
    : shape_(shape), key_(key), region_(std::move(region)), fd_(std::move(fd)) {
  char* at = region_.octets().data() + kPage;
  const auto take = [&at](size_t entries) {
    return std::span(
        reinterpret_cast<AffinityEntry*>(std::exchange(at, at + region_octets(entries))), entries);
  };
  for (size_t lane = 0; lane < shape.lanes; ++lane) {
    const auto calls = take(shape.call_entries);
    by_lane_.push_back({.calls = calls, .others = take(shape.other_entries)});
  }
}

Result<CallTables> CallTables::create(const Shape& shape, const HashKey& key) {
  auto fd = open_memory(octets_of(shape));
  if (!fd) return tl::unexpected<Error>(fd.error());
  auto region = MemoryRegion::map_shared(fd->get(), octets_of(shape));
  if (!region) return tl::unexpected<Error>(region.error());
  const Header header = header_of(shape, key);
  std::memcpy(region->octets().data(), &header, sizeof header);
  return CallTables(shape, key, std::move(*region), std::move(*fd));
}

Result<CallTables> CallTables::create_private(const Shape& shape, const HashKey& key) {
  auto region = MemoryRegion::reserve(octets_of(shape));
  if (!region) return tl::unexpected<Error>(region.error());
  return CallTables(shape, key, std::move(*region), {});
}

tl::expected<CallTables, std::string_view> CallTables::adopt(net::FileDescriptor fd) {
  const std::optional<size_t> octets = sealed_octets(fd);
  if (!octets) return tl::unexpected<std::string_view>("not sealed");
  if (*octets < kPage) return tl::unexpected<std::string_view>("no call tables");
  auto region = MemoryRegion::map_shared(fd.get(), *octets);
  if (!region) return tl::unexpected<std::string_view>("cannot be mapped");
  Header header;
  std::memcpy(&header, region->octets().data(), sizeof header);
  if (const auto fault = fault_of(header, *octets); !fault.empty()) return tl::unexpected(fault);
  CallTables tables({header.lanes, header.call_entries, header.other_entries}, header.key,
                    std::move(*region), std::move(fd));
  tables.has_old_entries_ = true;
  return tables;
}

void CallTables::carry_over(const CallTables& from) {
  SIPLB_ASSERT(shape_.lanes == from.shape_.lanes);
  SIPLB_ASSERT(key_ == from.key_);
  for (size_t lane = 0; lane < shape_.lanes; ++lane) {
    balance::carry_over(from.by_lane_[lane].calls, by_lane_[lane].calls);
    balance::carry_over(from.by_lane_[lane].others, by_lane_[lane].others);
  }
  has_old_entries_ = true;
}

}  // namespace siplb::app
