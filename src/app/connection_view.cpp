#include "app/connection_view.h"

#include <algorithm>
#include <utility>

namespace siplb::app {
namespace {

using transport::ConnectionCensus;
using transport::Direction;

// Of sources that stand together; the most first, in a fixed order.
std::vector<SourceView> counted(std::vector<SockAddress> sources) {
  const auto is_before = [](const SockAddress& one, const SockAddress& other) {
    return one.ip_octets() < other.ip_octets();
  };
  std::sort(sources.begin(), sources.end(), is_before);
  std::vector<SourceView> out;
  for (const SockAddress& source : sources) {
    if (out.empty() || out.back().source != source) out.push_back({.source = source});
    ++out.back().connections;
  }
  std::stable_sort(out.begin(), out.end(), [](const SourceView& one, const SourceView& other) {
    return one.connections > other.connections;
  });
  return out;
}

std::vector<SourceView> sources_of(const ConnectionCensus& census) {
  std::vector<SockAddress> sources;
  census.for_each_living([&](const ConnectionCensus::Living& each) {
    if (!each.id.is_outbound()) sources.push_back(each.source);
  });
  return counted(std::move(sources));
}

}  // namespace

ConnectionsView connections_view(const ConnectionCensus& census, size_t worker_count) {
  ConnectionsView view;
  view.by_worker.resize(worker_count);
  census.for_each_living([&](const ConnectionCensus::Living& each) {
    const auto direction =
        static_cast<size_t>(each.id.is_outbound() ? Direction::Opened : Direction::Accepted);
    ++view.all[direction];
    ++view.by_listener[each.listener][direction];
    ++view.by_worker[each.id.lane() % worker_count][direction];
  });
  view.busiest = sources_of(census);
  if (view.busiest.size() > kSourcesShown) view.busiest.resize(kSourcesShown);
  return view;
}

std::vector<SourceView> sources_at_limit(const ConnectionCensus& census) {
  std::vector<SourceView> sources = sources_of(census);
  const size_t limit = census.options().connections_per_source;
  const auto end = std::find_if(sources.begin(), sources.end(), [limit](const SourceView& each) {
    return each.connections < limit;
  });
  sources.erase(end, sources.end());
  if (sources.size() > kSourcesAtLimitShown) sources.resize(kSourcesAtLimitShown);
  return sources;
}

std::string source_text(const SockAddress& source) {
  return std::string(source.ip_text()) + (source.is_v6() ? "/64" : "");
}

}  // namespace siplb::app
