#include "base/result.h"

#include <cstring>

namespace siplb {
namespace {

const char* what(ErrorCode code) {
  switch (code) {
    case ErrorCode::SocketOpen: return "cannot open a socket";
    case ErrorCode::SocketOption: return "cannot set a socket option";
    case ErrorCode::SocketBind: return "cannot bind";
    case ErrorCode::AddressInUse: return "another process listens there";
    case ErrorCode::SocketConnect: return "cannot connect";
    case ErrorCode::SocketName: return "cannot read a socket's address";
    case ErrorCode::EpollSetUp: return "cannot set up epoll";
    case ErrorCode::EventFdOpen: return "cannot open an eventfd";
    case ErrorCode::MemoryReserve: return "cannot reserve memory";
    case ErrorCode::MemoryFileOpen: return "cannot make memory that outlives the process";
    case ErrorCode::ThreadStart: return "cannot start a thread";
    case ErrorCode::KeyFileOpen: return "cannot open the key file";
    case ErrorCode::KeyFileMalformed: return "the key file does not hold 32 hexadecimal digits";
    case ErrorCode::StateFileWrite: return "cannot write the state file";
    case ErrorCode::RandomUnavailable: return "the system gives no random octets";
    case ErrorCode::ResolverSetUp: return "cannot set up the resolver";
    case ErrorCode::HttpListen: return "cannot listen for HTTP";
    case ErrorCode::SignalSetUp: return "cannot set up signals";
  }
  return "unknown error";
}

}  // namespace

std::string describe(const Error& error) {
  std::string text = what(error.code);
  if (error.sys_errno != 0) {
    text += ": ";
    text += std::strerror(error.sys_errno);
  }
  return text;
}

}  // namespace siplb
