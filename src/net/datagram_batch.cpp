#include "net/datagram_batch.h"

#include <utility>

#include "base/assert.h"

namespace siplb::net {

Result<std::unique_ptr<DatagramBatch>> DatagramBatch::reserve(const DatagramBatchOptions& options) {
  SIPLB_ASSERT(options.datagrams_max > 0 && options.octets_max > 0);
  auto region = MemoryRegion::reserve(options.datagrams_max * options.octets_max);
  if (!region) return tl::unexpected(region.error());
  return std::unique_ptr<DatagramBatch>(new DatagramBatch(std::move(*region), options));
}

DatagramBatch::DatagramBatch(MemoryRegion region, const DatagramBatchOptions& options)
    : region_(std::move(region)),
      headers_(options.datagrams_max),
      buffers_(options.datagrams_max),
      remotes_(options.datagrams_max),
      packet_infos_(options.datagrams_max),
      datagrams_(options.datagrams_max) {
  for (size_t i = 0; i < headers_.size(); ++i) {
    const auto room = region_.octets().subspan(i * options.octets_max, options.octets_max);
    buffers_[i] = {room.data(), room.size()};
    msghdr& header = headers_[i].msg_hdr;
    header.msg_iov = &buffers_[i];
    header.msg_iovlen = 1;
    header.msg_name = &remotes_[i];
    header.msg_control = packet_infos_[i].octets.data();
  }
}

void DatagramBatch::prepare(size_t packet_info_octets) {
  for (mmsghdr& header : headers_) {
    header.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    header.msg_hdr.msg_controllen = packet_info_octets;
  }
}

void DatagramBatch::take(size_t received) {
  count_ = 0;
  truncated_ = 0;
  for (size_t i = 0; i < received; ++i) {
    const msghdr& header = headers_[i].msg_hdr;
    if ((header.msg_flags & MSG_TRUNC) != 0) {
      ++truncated_;
      continue;
    }
    datagrams_[count_++] = {{static_cast<char*>(buffers_[i].iov_base), headers_[i].msg_len},
                            SockAddress::from(remotes_[i]),
                            packet_info_of(header)};
  }
}

}  // namespace siplb::net
