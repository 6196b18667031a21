#include "load/lossy_path.h"

#include <algorithm>

namespace siplb::load {

transport::SendStatus LossyWire::send(const transport::Flow& flow,
                                      std::span<const std::string_view> pieces) {
  if (!dice_.hits(share_)) return wire_.send(flow, pieces);
  ++lost_;
  return transport::SendStatus::Queued;
}

void LossyReceiver::on_batch(std::span<transport::Inbound> batch, Instant now) {
  const auto kept_end = std::remove_if(batch.begin(), batch.end(),
                                       [this](const auto&) { return dice_.hits(share_); });
  const auto kept = static_cast<size_t>(kept_end - batch.begin());
  lost_ += batch.size() - kept;
  if (kept > 0) receiver_.on_batch(batch.first(kept), now);
}

}  // namespace siplb::load
