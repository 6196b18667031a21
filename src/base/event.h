// What happened, as plain data: threads that must not format or write a log line make these.
//
// A new event is one enumerator and one row of kEvents, which logger and documentation read.
// Thread: any (values). Bounds: no heap.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/address.h"
#include "base/fixed_string.h"
#include "base/time.h"

namespace siplb {

enum class EventId : uint8_t {
  WorkerStarted,
  KernelDrops,
  MailboxFull,
  ServerFailover,
  TransactionsFull,
  ServerUp,
  ServerDown,
  ServerUnknown,
  ServerBusy,
  ServerRelieved,
  ServerState,
  PanicBegan,
  PanicEnded,
  ProbePriority,
  MessageDropped,
  CallAnswered,
  kCount,
};

enum class EventSeverity : uint8_t { Info, Warning, Error };

// EveryOne is for what happens a bounded number of times, or what somebody has asked for; what
// traffic can cause is OncePerSecond, for each reason by itself where the first argument is one.
enum class EventRate : uint8_t { EveryOne, OncePerSecond, OncePerSecondAndReason };

// What an argument's number stands for. The names behind numbers are the logger's to know.
enum class EventArgKind : uint8_t {
  Number,
  Server,          // balance::ServerIndex; reads as two: the group, and under `name` the server
  FailoverReason,  // proxy::FailoverReason
  HealthReason,    // balance::HealthReason
  OperatorState,   // balance::OperatorState
  Group,           // balance::GroupIndex
  ProbePriority,   // health::Priority
  ErrorNumber,     // an errno
  DropReason,      // proxy::DropReason
};

// What an event tells beyond numbers.
enum class EventText : uint8_t {
  None,
  FirstLine,  // of a message
  CallId,
};

struct EventArg {
  std::string_view name;  // empty: the event has no such argument
  EventArgKind kind = EventArgKind::Number;
};

// How an event reads: `message`, then "name=value" for each argument.
struct EventInfo {
  EventId id;
  EventSeverity severity;
  EventRate rate;
  std::string_view message;
  std::array<EventArg, 3> args = {};
  EventText text = EventText::None;
};

inline constexpr std::array<EventInfo, static_cast<size_t>(EventId::kCount)> kEvents = {{
    {EventId::WorkerStarted,
     EventSeverity::Info,
     EventRate::EveryOne,
     "worker started",
     {{{"worker"}, {"lanes"}}}},
    {EventId::KernelDrops,
     EventSeverity::Warning,
     EventRate::OncePerSecond,
     "the kernel dropped datagrams: receive queue full",
     {{{"count"}}}},
    {EventId::MailboxFull,
     EventSeverity::Warning,
     EventRate::OncePerSecond,
     "a worker's mailbox is full, message dropped",
     {{{"to_lane"}}}},
    {EventId::ServerFailover,
     EventSeverity::Warning,
     EventRate::OncePerSecond,
     "failover",
     {{{"server", EventArgKind::Server}, {"reason", EventArgKind::FailoverReason}}}},
    {EventId::TransactionsFull, EventSeverity::Warning, EventRate::OncePerSecond,
     "no room for another transaction, request answered 503"},
    {EventId::ServerUp,
     EventSeverity::Info,
     EventRate::EveryOne,
     "server up",
     {{{"server", EventArgKind::Server}, {"reason", EventArgKind::HealthReason}}}},
    {EventId::ServerDown,
     EventSeverity::Warning,
     EventRate::EveryOne,
     "server down",
     {{{"server", EventArgKind::Server}, {"reason", EventArgKind::HealthReason}}}},
    {EventId::ServerUnknown,
     EventSeverity::Warning,
     EventRate::EveryOne,
     "nothing is known of the server's health",
     {{{"server", EventArgKind::Server}, {"reason", EventArgKind::HealthReason}}}},
    {EventId::ServerBusy,
     EventSeverity::Warning,
     EventRate::OncePerSecond,
     "server busy, no new work for it",
     {{{"server", EventArgKind::Server}}}},
    {EventId::ServerRelieved,
     EventSeverity::Info,
     EventRate::OncePerSecond,
     "server takes new work again",
     {{{"server", EventArgKind::Server}}}},
    {EventId::ServerState,
     EventSeverity::Info,
     EventRate::EveryOne,
     "operator has changed the server's state",
     {{{"server", EventArgKind::Server}, {"state", EventArgKind::OperatorState}}}},
    {EventId::PanicBegan,
     EventSeverity::Error,
     EventRate::EveryOne,
     "too few servers are up, health is ignored",
     {{{"group", EventArgKind::Group}}}},
    {EventId::PanicEnded,
     EventSeverity::Info,
     EventRate::EveryOne,
     "enough servers are up, health counts again",
     {{{"group", EventArgKind::Group}}}},
    {EventId::ProbePriority,
     EventSeverity::Warning,
     EventRate::EveryOne,
     "a raised priority was refused to the thread that probes",
     {{{"priority", EventArgKind::ProbePriority}, {"error", EventArgKind::ErrorNumber}}}},
    {EventId::MessageDropped,
     EventSeverity::Info,
     EventRate::OncePerSecondAndReason,
     "message dropped",
     {{{"reason", EventArgKind::DropReason}}},
     EventText::FirstLine},
    {EventId::CallAnswered,
     EventSeverity::Info,
     EventRate::EveryOne,
     "call answered",
     {{{"server", EventArgKind::Server}, {"code"}, {"after_ms"}}},
     EventText::CallId},
}};

[[nodiscard]] constexpr const EventInfo& event_info(EventId id) {
  return kEvents[static_cast<size_t>(id)];
}

static_assert(
    [] {
      for (size_t i = 0; i < kEvents.size(); ++i) {
        if (event_info(static_cast<EventId>(i)).id != static_cast<EventId>(i)) return false;
      }
      return true;
    }(),
    "kEvents lists every EventId, in order");

inline constexpr uint16_t kNoLane = UINT16_MAX;

// Longer texts are cut.
inline constexpr size_t kEventTextMax = 128;

struct Event {
  Instant at{};
  EventId id = EventId::WorkerStarted;
  uint16_t lane = kNoLane;
  std::array<int64_t, 3> args{};
  SockAddress remote;  // who it was; none where nobody was
  // The ring's to set: how many of this id, or this reason of it, there were before by rate or lack
  // of room; what EventInfo::text says, as it came.
  uint32_t suppressed_count = 0;
  FixedString<kEventTextMax> text;
};

}  // namespace siplb
