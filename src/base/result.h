// How set-up reports failure: a value or an Error, never an exception.
//
// For things that can fail while siplb is being built up (open, bind, load). What the wire or the
// kernel says in ordinary operation is a small enum of its own, see STYLE in docs/.
// Never call value() on a Result: without exceptions that is undefined. Test it, then use * or ->.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string>

#include <tl/expected.hpp>

namespace siplb {

enum class ErrorCode : uint16_t {
  SocketOpen,
  SocketOption,
  SocketBind,
  AddressInUse,
  SocketName,
  SocketConnect,
  EpollSetUp,
  EventFdOpen,
  MemoryReserve,
  MemoryFileOpen,
  ThreadStart,
  KeyFileOpen,
  KeyFileMalformed,
  StateFileWrite,
  RandomUnavailable,
  ResolverSetUp,
  HttpListen,
  SignalSetUp,
};

struct Error {
  ErrorCode code;
  int32_t sys_errno = 0;  // 0 where the system gave none
};
static_assert(sizeof(Error) == 8);

template <class T>
using Result = tl::expected<T, Error>;

// An Error with the current errno; what a failed system call returns.
[[nodiscard]] inline tl::unexpected<Error> system_error(ErrorCode code) {
  return tl::unexpected<Error>(Error{code, errno});
}

[[nodiscard]] inline tl::unexpected<Error> plain_error(ErrorCode code) {
  return tl::unexpected<Error>(Error{code, 0});
}

// "bind: Address already in use", for people.
[[nodiscard]] std::string describe(const Error& error);

}  // namespace siplb
