#include "app/call_trace.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>

#include "app/time_text.h"
#include "observe/family.h"

namespace siplb::app {
namespace {

using Json = nlohmann::ordered_json;
using proxy::TraceRecord;

// Rings hold what comes meanwhile, and siplbd does not wait for longer than that when it ends.
constexpr std::chrono::milliseconds kPause{5};

// Peers write what they like; JSON is UTF-8.
std::string line_of_json(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

Json text_or_null(std::string_view text) {
  return text.empty() ? Json() : Json(text);
}

// The position's name, where it has one.
Json name_at(const std::vector<std::string>& names, size_t position) {
  return position < names.size() ? text_or_null(names[position]) : Json();
}

void add_outcome(const TraceRecord& record, Json& out) {
  if (record.way == TraceRecord::Way::In) {
    out["decision"] = record.outcome.decision();
    out["reason"] = text_or_null(record.outcome.reason());
    return;
  }
  const bool is_queued = record.sent == transport::SendStatus::Queued;
  out["decision"] = is_queued ? "sent" : "not sent";
  out["reason"] = is_queued ? Json() : Json(observe::send_status_name(record.sent));
}

}  // namespace

std::optional<uint32_t> TraceTurn::try_take() {
  if (is_taken_.exchange(true, std::memory_order_acquire)) return std::nullopt;
  if (++number_ == 0) ++number_;
  return number_;
}

CallTrace::CallTrace(std::span<proxy::Tracer* const> tracers, Wanted wanted, Names names,
                     std::shared_ptr<TraceTurn> turn)
    : tracers_(tracers.begin(), tracers.end()),
      wanted_(std::move(wanted)),
      names_(std::move(names)),
      turn_(std::move(turn)),
      lost_before_(lost()) {
  for (proxy::Tracer* tracer : tracers_) tracer->follow(wanted_.filter);
}

CallTrace::~CallTrace() {
  for (proxy::Tracer* tracer : tracers_) tracer->follow({});
  turn_->give_back();
}

uint64_t CallTrace::lost() const {
  uint64_t sum = 0;
  for (const proxy::Tracer* tracer : tracers_) sum += tracer->lost();
  return sum;
}

const char* CallTrace::reason_to_end() const {
  if (is_stopped_.load(std::memory_order_relaxed)) return "stop";
  if (count_ >= wanted_.count_max) return "count";
  return Clock::now() - began_ >= wanted_.time_max ? "time" : nullptr;
}

std::optional<std::string> CallTrace::next() {
  if (has_ended_) return std::nullopt;
  if (!std::exchange(has_begun_, true)) {
    return line_of_json(
        {{"trace", {{"seconds", wanted_.time_max.count()}, {"count", wanted_.count_max}}}});
  }
  if (!is_stopped_.load(std::memory_order_relaxed)) std::this_thread::sleep_for(kPause);
  std::string out;
  take_records(out);
  if (const char* reason = reason_to_end()) {
    has_ended_ = true;
    out += line_of_json({{"ended", reason}});
  }
  return out;
}

// A call's messages are all of one worker, whose ring has them in order.
void CallTrace::take_records(std::string& out) {
  std::vector<TraceRecord> records;
  for (proxy::Tracer* tracer : tracers_) {
    while (const auto record = tracer->try_take(wanted_.filter.number)) {
      records.push_back(*record);
    }
  }
  std::stable_sort(records.begin(), records.end(),
                   [](const auto& one, const auto& other) { return one.at < other.at; });
  records.resize(std::min(records.size(), wanted_.count_max - count_));
  count_ += records.size();
  for (const TraceRecord& record : records) out += line_of(record);
  if (const uint64_t lost_now = lost() - lost_before_; lost_now != lost_told_) {
    out += line_of_json({{"lost", lost_now - std::exchange(lost_told_, lost_now)}});
  }
}

std::string CallTrace::line_of(const TraceRecord& record) const {
  const auto wall =
      std::chrono::system_clock::now() -
      std::chrono::duration_cast<std::chrono::system_clock::duration>(Clock::now() - record.at);
  // A tick may have begun a moment before the trace.
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(
      std::max(record.at - began_, Duration::zero()));
  Json out = {{"time", time_text(wall)},
              {"seconds", static_cast<double>(since.count()) / 1e6},
              {"way", record.way == TraceRecord::Way::In ? "in" : "out"},
              {"lane", record.lane},
              {"listener", name_at(names_.listeners, record.flow.listener)},
              {"transport", sip::transport_label(record.flow.transport)},
              {"remote", record.flow.remote.text().view()},
              {"server", name_at(names_.servers, record.server)},
              {"call_id", text_or_null(record.call_id)},
              {"message", text_or_null(record.title)},
              {"cseq", text_or_null(record.cseq)}};
  add_outcome(record, out);
  return line_of_json(out);
}

}  // namespace siplb::app
