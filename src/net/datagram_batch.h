// Where one recvmmsg puts its datagrams: a fixed area, used again by the next.
//
// One per worker, shared by its lanes: a message is decided within the callback that brought it,
// so octets need not outlive the batch. Only the pages that datagrams reach are ever touched.
// Thread: one. Bounds: datagrams × octets of address space.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include <sys/socket.h>

#include "base/address.h"
#include "base/memory_region.h"
#include "base/result.h"
#include "net/packet_info.h"

namespace siplb::net {

struct ReceivedDatagram {
  std::span<char> octets;
  SockAddress remote;
  // Of a socket on a wildcard address: the address of ours that it came to, with port 0.
  SockAddress local = {};
};

struct DatagramBatchOptions {
  size_t datagrams_max = 64;
  size_t octets_max = 65536;  // of one datagram: no UDP datagram is longer
};

class DatagramBatch {
 public:
  // Requires: both options are above zero.
  [[nodiscard]] static Result<std::unique_ptr<DatagramBatch>> reserve(
      const DatagramBatchOptions& options);

  DatagramBatch(const DatagramBatch&) = delete;
  DatagramBatch& operator=(const DatagramBatch&) = delete;

  [[nodiscard]] size_t datagrams_max() const { return headers_.size(); }
  // What the last receive brought, in order of arrival; void at the next.
  [[nodiscard]] std::span<const ReceivedDatagram> datagrams() const {
    return {datagrams_.data(), count_};
  }
  // How many datagrams of the last receive were left out because they were cut off.
  [[nodiscard]] size_t truncated() const { return truncated_; }

 private:
  friend class UdpSocket;
  DatagramBatch(MemoryRegion region, const DatagramBatchOptions& options);
  // Undoes what the last receive wrote into the headers. `packet_info_octets` is the room for the
  // kernel to say where a datagram came to, 0 where it is not to be asked.
  void prepare(size_t packet_info_octets);
  // Makes datagrams of the first `received` headers.
  void take(size_t received);

  MemoryRegion region_;
  std::vector<mmsghdr> headers_;
  std::vector<iovec> buffers_;
  std::vector<sockaddr_storage> remotes_;
  std::vector<PacketInfoRoom> packet_infos_;
  std::vector<ReceivedDatagram> datagrams_;
  size_t count_ = 0;
  size_t truncated_ = 0;
};

}  // namespace siplb::net
