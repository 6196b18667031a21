#include "proxy/context_store.h"

#include <new>

#include "sip/remnant.h"

namespace siplb::proxy {
namespace {

// A branch that serves two methods is that of two transactions, but for those of an INVITE.
uint64_t key_of(const sip::BranchHash& branch, sip::Method method) {
  const bool is_invites = method == sip::Method::Ack || method == sip::Method::Cancel;
  const auto salt = static_cast<uint64_t>(is_invites ? sip::Method::Invite : method);
  return branch.key() ^ salt << 56;
}

}  // namespace

Result<std::unique_ptr<ContextStore>> ContextStore::reserve(const ContextStoreOptions& options,
                                                            transport::MessageSlots& slots) {
  auto region = MemoryRegion::reserve(options.contexts * kSlotOctets);
  if (!region) return tl::unexpected<Error>(region.error());
  auto table = transaction::Table::reserve({.pending_max = options.contexts,
                                            .finished_max = options.finished,
                                            .finished_life = options.finished_life});
  if (!table) return tl::unexpected<Error>(table.error());
  return std::unique_ptr<ContextStore>(
      new ContextStore(std::move(*region), std::move(*table), slots));
}

size_t ContextStore::memory_octets(const ContextStoreOptions& options) {
  return options.contexts * (kSlotOctets + sizeof(ResponseContext*)) +
         transaction::Table::memory_octets({.pending_max = options.contexts,
                                            .finished_max = options.finished,
                                            .finished_life = options.finished_life});
}

ContextStore::ContextStore(MemoryRegion region, std::unique_ptr<transaction::Table> table,
                           transport::MessageSlots& slots)
    : pool_(std::move(region), kSlotOctets),
      contexts_(pool_.capacity()),
      table_(std::move(table)),
      slots_(slots) {}

ResponseContext* ContextStore::create(const sip::BranchHash& branch, sip::Method method) {
  const auto slot = pool_.take();
  if (!slot) return nullptr;
  auto* context = new (pool_.octets(*slot).data()) ResponseContext;
  context->branch = branch;
  context->method = method;
  context->slot = *slot;
  contexts_[slot->index] = context;
  table_->add(key_of(branch, method), slot->index);
  return context;
}

ContextStore::Found ContextStore::find(const sip::BranchHash& branch, sip::Method method,
                                       Instant now) {
  using Kind = transaction::Table::Found::Kind;
  const transaction::Table::Found found = table_->find(key_of(branch, method), now);
  switch (found.kind) {
    case Kind::Pending: return {.context = contexts_[found.pending]};
    case Kind::Finished: return {.tombstone = found.tombstone};
    case Kind::None: break;
  }
  return {};
}

void ContextStore::finish(ResponseContext& context, const transaction::Tombstone& tombstone,
                          Instant now) {
  table_->finish(context.slot.index, tombstone, now);
  release(context);
}

void ContextStore::remove(ResponseContext& context) {
  table_->remove(context.slot.index);
  release(context);
}

void ContextStore::release(ResponseContext& context) {
  wheel_.cancel(context);
  drop(context.held);
  drop(context.kept);
  drop(context.remnant);
  const SlotHandle slot = context.slot;
  contexts_[slot.index] = nullptr;
  context.~ResponseContext();
  pool_.give_back(slot);
}

bool ContextStore::hold(ResponseContext& context, std::string_view request) {
  return copy(context.held, {&request, 1});
}

bool ContextStore::keep(ResponseContext& context, std::span<const std::string_view> response) {
  return copy(context.kept, response);
}

bool ContextStore::store_remnant(ResponseContext& context, const sip::Message& invite) {
  const size_t length = sip::remnant_length(invite);
  if (length <= kChunkOctets) {
    sip::write_remnant(invite, chunk(context).first(length));
    context.chunk_length = static_cast<uint16_t>(length);
    return true;
  }
  const auto slot = slots_.take(length);
  if (!slot) return false;
  context.remnant = transport::StoredText{*slot, static_cast<uint32_t>(length)};
  sip::write_remnant(invite, slots_.octets(*slot).first(length));
  return true;
}

bool ContextStore::copy(std::optional<transport::StoredText>& text,
                        std::span<const std::string_view> pieces) {
  drop(text);
  text = slots_.store(pieces);
  return text.has_value();
}

void ContextStore::drop(std::optional<transport::StoredText>& text) {
  if (text) slots_.give_back(text->slot);
  text.reset();
}

std::string_view ContextStore::text_of(const std::optional<transport::StoredText>& text) const {
  return text ? slots_.text_of(*text) : std::string_view();
}

std::span<char> ContextStore::chunk(const ResponseContext& context) const {
  return pool_.octets(context.slot).subspan(sizeof(ResponseContext));
}

std::string_view ContextStore::held(const ResponseContext& context) const {
  return text_of(context.held);
}

std::string_view ContextStore::kept(const ResponseContext& context) const {
  return text_of(context.kept);
}

std::string_view ContextStore::remnant(const ResponseContext& context) const {
  if (context.remnant) return text_of(context.remnant);
  return {chunk(context).data(), context.chunk_length};
}

}  // namespace siplb::proxy
