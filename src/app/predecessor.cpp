#include "app/predecessor.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/random.h"

namespace siplb::app {
namespace {

using observe::LogLevel;

StartResult<HashKey> new_table_key() {
  HashKey key;
  if (const auto filled = fill_random(key.octets); !filled) {
    return start_fault(filled.error(), "the tables' key");
  }
  return key;
}

// Without memory that outlives the process calls are still found and counted until it ends.
Result<CallTables> create_tables(const CallTables::Shape& shape, const HashKey& key,
                                 observe::EventLog& log) {
  auto tables = CallTables::create(shape, key);
  if (tables) return tables;
  log.write(LogLevel::Warning, "call tables end with the process",
            {{"reason", describe(tables.error())}});
  return CallTables::create_private(shape, key);
}

// What the file says of lanes takes effect when nothing is left of the process before.
void warn_of_lanes(const config::GlobalOptions& wanted, const Sizing& sizing,
                   observe::EventLog& log) {
  const bool is_as_wanted =
      (wanted.lanes == 0 || wanted.lanes == sizing.lanes) && wanted.workers <= sizing.workers;
  if (is_as_wanted) return;
  log.write(LogLevel::Warning, "lanes of the earlier process kept",
            {{"lanes", std::to_string(sizing.lanes)},
             {"workers", std::to_string(sizing.workers)},
             {"remedy", "stop siplb and start it again"}});
}

// What was kept before goes first: of two, the next process would have to guess.
void keep(const CallTables& tables, const Systemd& service, observe::EventLog& log) {
  service.drop(kCallTablesName);
  const int fd = tables.descriptor().get();
  if (tables.descriptor().is_open() && !service.keep(kCallTablesName, {&fd, 1})) {
    log.write(LogLevel::Warning, "call tables not kept", {{"reason", std::strerror(errno)}});
  }
}

}  // namespace

Predecessor::Predecessor(net::InheritedSockets left)
    : has_left_anything_(!left.names().empty()), sockets_(std::move(left)) {
  net::FileDescriptor fd = sockets_.take(kCallTablesName);
  if (!fd.is_open()) return;
  auto adopted = CallTables::adopt(std::move(fd));
  if (adopted) {
    tables_ = std::move(*adopted);
  } else {
    refusal_ = adopted.error();
  }
}

Predecessor Predecessor::from_environment() {
  return Predecessor(net::InheritedSockets::from_environment());
}

Sizing Predecessor::sizing(const config::Configuration& configuration, size_t usable_cores) const {
  if (tables_) {
    const Sizing same_lanes = derive_sizing(configuration, usable_cores, tables_->shape().lanes);
    if (!MemoryBudget(configuration, same_lanes).fault()) return same_lanes;
  }
  return derive_sizing(configuration, usable_cores);
}

StartResult<CallTables> Predecessor::take_call_tables(const config::Configuration& configuration,
                                                      const Sizing& sizing, const Systemd& service,
                                                      observe::EventLog& log) {
  const CallTables::Shape shape{sizing.lanes, sizing.call_entries, sizing.other_entries};
  if (tables_ && tables_->shape().lanes != shape.lanes) {
    refusal_ = "no memory for so many lanes";
    tables_.reset();
  }
  if (!refusal_.empty()) {
    log.write(LogLevel::Warning, "call tables not adopted", {{"reason", refusal_}});
  }
  if (tables_) {
    log.write(LogLevel::Info, "call tables adopted",
              {{"lanes", std::to_string(shape.lanes)},
               {"entries", std::to_string(tables_->shape().call_entries * shape.lanes)}});
    warn_of_lanes(configuration.global, sizing, log);
    if (tables_->shape() == shape) return std::move(*tables_);
  }
  const auto key = tables_ ? tables_->key() : new_table_key();
  if (!key) return tl::unexpected<StartFault>(key.error());
  auto tables = create_tables(shape, *key, log);
  if (!tables) return start_fault(tables.error(), "the call tables");
  if (tables_) {
    tables->carry_over(*tables_);
    log.write(LogLevel::Info, "call tables resized",
              {{"entries", std::to_string(shape.call_entries * shape.lanes)}});
  }
  keep(*tables, service, log);
  tables_.reset();  // what is in two places is in one again
  return std::move(*tables);
}

}  // namespace siplb::app
