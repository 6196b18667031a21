// A UNIX socket that listens at a path.
//
// Thread: any.
#pragma once

#include <string>

#include <sys/types.h>

#include "base/result.h"
#include "net/file_descriptor.h"

namespace siplb::app {

struct UnixListenerOptions {
  std::string path;
  mode_t mode = 0600;
};
// Nobody can connect before the file has its mode. A socket that nobody listens at any more is
// replaced; what somebody listens at (AddressInUse) and files of other kinds stay.
[[nodiscard]] Result<net::FileDescriptor> listen_at(const UnixListenerOptions& options);

}  // namespace siplb::app
