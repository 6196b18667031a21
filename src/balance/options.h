// Groups and servers as configured.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "sip/method.h"

namespace siplb::balance {

inline constexpr size_t kGroupsMax = 64;
inline constexpr size_t kServersMax = 4096;  // in all groups together
inline constexpr uint32_t kWeightMax = 1000;

enum class Policy : uint8_t { Maglev, RoundRobin };

enum class HashKeyKind : uint8_t {
  Default,  // call-id, but to-user for REGISTER, SUBSCRIBE and PUBLISH
  CallId,
  FromUser,
  ToUser,
  RequestUser,
  SourceIp,
  HeaderValue,
};

struct HashKeyOptions {
  HashKeyKind kind = HashKeyKind::Default;
  std::string header;  // name, with HashKeyKind::HeaderValue
};

struct ServerOptions {
  std::string name;       // unique in its group
  SockAddress address;    // from its uri
  uint32_t weight = 100;  // 0 to kWeightMax; 0: no new work
};

struct GroupOptions {
  std::string name;  // unique
  Policy policy = Policy::Maglev;
  HashKeyOptions hash_key;
  bool record_route = true;
  bool tokenless_dialogs = true;
  std::vector<ServerOptions> servers;  // at least one with a weight above 0
};

}  // namespace siplb::balance
