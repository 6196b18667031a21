// What siplbd answers, for tests of what siplbctl makes of it.
#pragma once

namespace siplb::test {

inline constexpr const char* kStatus =
    R"({"version":"0.1.0","pid":4711,"up_seconds":7300.5,"config_file":"/etc/siplb/siplb.yaml",)"
    R"("config_hash":"0123456789abcdef","workers":1,"lanes":4,"draining":false,"calls":12})";

inline constexpr const char* kGroups =
    R"({"groups":[{"name":"pbx","policy":"maglev","servers":8,"up":7,"down":1,)"
    R"("taking_new_work":6,"calls":1200,"reserved_calls":3,"inflight":12,"panic":false},)"
    R"({"name":"carriers","policy":"round-robin","servers":2,"up":0,"down":2,)"
    R"("taking_new_work":2,"calls":0,"reserved_calls":0,"inflight":0,"panic":true}]})";

inline constexpr const char* kListeners =
    R"({"listeners":[{"name":"public","role":"clients","address":"0.0.0.0:5060",)"
    R"("transports":["udp","tcp"],"advertised":["10.0.0.5:5060","203.0.113.10:5060"],)"
    R"("kernel_drops":0,"kernel_queue_bytes":2048,"receive_buffer_bytes":16777216},)"
    R"({"name":"inside","role":"servers","address":"[2001:db8::5]:5060","transports":["udp"],)"
    R"("advertised":["[2001:db8::5]:5060"],"kernel_drops":123456,"kernel_queue_bytes":0,)"
    R"("receive_buffer_bytes":16777216}]})";

inline constexpr const char* kWorkers =
    R"({"workers":[{"worker":0,"lanes":[0,2],"messages":{"received":123456789,)"
    R"("forwarded":123450000,"answered":5000,"unavailable":10,"dropped":12},"transactions":34,)"
    R"("connections":120,"send_slots":{"used":3,"total":100},"held_slots":{"used":0,"total":0},)"
    R"("tick_seconds":{"p50":0.00002,"p99":0.00031}}]})";

inline constexpr const char* kConnections =
    R"({"accepted_max":20000,"per_source_max":1000,)"
    R"("by_transport":[{"transport":"tcp","accepted":12,"opened":3}],)"
    R"("by_listener":[{"listener":"public","accepted":12,"opened":0}],)"
    R"("by_worker":[{"worker":0,"accepted":12,"opened":3}],)"
    R"("busiest":[{"source":"192.0.2.1","connections":11},)"
    R"({"source":"2001:db8:1:2::/64","connections":1}]})";

inline constexpr const char* kMemory =
    R"({"consumers":[{"consumer":"affinity-calls","bytes":16777216,)"
    R"("derivation":"8 lanes x 65536 entries x 32"},{"consumer":"mailboxes","bytes":1000,)"
    R"("derivation":""}],"sum_bytes":16778216,"limit_bytes":536870912,"resident_bytes":8388608})";

inline constexpr const char* kEvents =
    R"({"events":[{"time":"2026-11-21T16:00:00.250Z","level":"info","event":"listening",)"
    R"("listener":"public","address":"0.0.0.0:5060"},{"time":"2026-11-21T16:00:01.000Z",)"
    R"("level":"warning","event":"server down","group":"pbx","reason":"timed out"}],"next":17})";

inline constexpr const char* kKey =
    R"({"fingerprint":"0badcafe","file":"/var/lib/siplb/key","age_seconds":432000.0})";

inline constexpr const char* kBans =
    R"({"bans":[{"source":"192.0.2.1","reason":"connections_per_source","count":1000,)"
    R"("limit":1000}]})";

}  // namespace siplb::test
