#include "health/priority.h"

#include <algorithm>
#include <cerrno>

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace siplb::health {
namespace {

constexpr rlim_t kFuseUs = 500'000;          // ends the process by SIGXCPU
constexpr rlim_t kLastFuseUs = 2 * kFuseUs;  // by SIGKILL, should that be blocked

int try_real_time() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_RTTIME, &limit) != 0) return errno;
  limit = {.rlim_cur = std::min(limit.rlim_cur, kFuseUs),
           .rlim_max = std::min(limit.rlim_max, kLastFuseUs)};
  if (::setrlimit(RLIMIT_RTTIME, &limit) != 0) return errno;
  const sched_param lowest{.sched_priority = 1};
  return ::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &lowest) == 0 ? 0 : errno;
}

}  // namespace

std::string_view name(Priority priority) {
  switch (priority) {
    case Priority::RealTime: return "real_time";
    case Priority::Raised: return "raised";
    case Priority::Ordinary: return "ordinary";
  }
  return {};
}

int try_priority(Priority priority) {
  constexpr int kRaisedNice = -10;
  switch (priority) {
    case Priority::RealTime: return try_real_time();
    case Priority::Raised:
      return ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kRaisedNice) == 0 ? 0
                                                                                          : errno;
    case Priority::Ordinary: return 0;
  }
  return 0;
}

}  // namespace siplb::health
