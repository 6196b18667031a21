#include "app/resolver.h"

#include <utility>

namespace siplb::app {

Result<std::unique_ptr<Resolver>> Resolver::create(const Options& options) {
  std::unique_ptr<Resolver> resolver(new Resolver);
  auto client = DnsClient::create(options, resolver->lookups_);
  if (!client) return tl::unexpected(client.error());
  resolver->client_ = std::move(*client);
  return resolver;
}

}  // namespace siplb::app
