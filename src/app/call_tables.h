// The affinity tables of all lanes, in one piece of memory that outlives the process: a memfd that
// the service manager keeps and hands to the next process, after a restart and after a crash.
//
//   header | lane 0: calls, others | lane 1: calls, others | …      each from a page's beginning on
//
// The header has what the entries mean nothing without: the number of lanes, and the key of the
// hashes by which Call-IDs find their lane and their entry. Nobody locks or flushes anything:
// memory stays as it was when the process ended, and an entry that was torn just then fails its own
// check (balance/affinity_entry.h). Times in entries are of the monotonic clock, which goes on for
// as long as the memory does.
// Thread: one (the supervisor, at start); then each lane's entries are its worker's alone.
// Bounds: the shape; pages cost nothing until their first use.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/memory_region.h"
#include "base/result.h"
#include "net/file_descriptor.h"
#include "proxy/worker.h"

namespace siplb::app {

class CallTables {
 public:
  struct Shape {
    size_t lanes = 1;
    // Per lane, each a power of two of at least balance::kAffinityWays.
    size_t call_entries = 0;
    size_t other_entries = 0;
    bool operator==(const Shape&) const = default;
  };

  // Empty tables. Fails with MemoryFileOpen where the system does not give such memory.
  [[nodiscard]] static Result<CallTables> create(const Shape& shape, const HashKey& key);
  // The same in memory that ends with the process.
  [[nodiscard]] static Result<CallTables> create_private(const Shape& shape, const HashKey& key);
  // What an earlier process has created; else why it is not that.
  [[nodiscard]] static tl::expected<CallTables, std::string_view> adopt(net::FileDescriptor fd);

  // Takes in what other tables hold; where these are smaller, the oldest entries are lost.
  // Requires: as many lanes and the same key, and nothing here yet.
  void carry_over(const CallTables& from);

  [[nodiscard]] const Shape& shape() const { return shape_; }
  [[nodiscard]] const HashKey& key() const { return key_; }
  [[nodiscard]] std::span<const proxy::LaneTables> by_lane() const { return by_lane_; }
  // True where an earlier process has filled them: then lanes adopt what is there.
  [[nodiscard]] bool has_old_entries() const { return has_old_entries_; }
  // Not open where the memory ends with the process.
  [[nodiscard]] const net::FileDescriptor& descriptor() const { return fd_; }

 private:
  CallTables(const Shape& shape, const HashKey& key, MemoryRegion region, net::FileDescriptor fd);

  Shape shape_;
  HashKey key_;
  MemoryRegion region_;
  net::FileDescriptor fd_;
  std::vector<proxy::LaneTables> by_lane_;
  bool has_old_entries_ = false;
};

}  // namespace siplb::app
