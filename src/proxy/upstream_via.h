// The Vias below the top one: whom a response goes to once ours is taken off, and whom a request
// has passed.
//
// Thread: any, pure; views into the message.
#pragma once

#include "sip/message.h"

namespace siplb::proxy {

class ViaReader {
 public:
  // Starts behind the top Via. `message` must outlive this.
  explicit ViaReader(const sip::Message& message);
  // False where there is no more, or one that can't be read: then nothing below it is known.
  [[nodiscard]] bool next(sip::Via& out);

 private:
  const sip::Message& message_;
  size_t header_ = 0;  // that the values are of
  sip::ValueReader values_;
};

// The first of them.
[[nodiscard]] inline bool read_next_via(const sip::Message& message, sip::Via& out) {
  return ViaReader(message).next(out);
}

}  // namespace siplb::proxy
