#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/admin/cluster_source.h"
#include "app/bus_probe.h"
#include "app/bus_source.h"
#include "app/cluster_link.h"
#include "app/counter_question.h"
#include "config/settings.h"
#include "net/loop.h"

namespace mr::app {

// What operators are told of a node's cluster: status, nodes and bus as they are now, a probe of
// bus partitions, a tail of envelopes, the counters of delta chains (docs/operations.md, "The
// cluster"). Control loop; link and source outlive it.
class ClusterAdmin final : public api::ClusterSource {
 public:
  ClusterAdmin(net::Loop& control, const config::Settings& settings, BusSource& source,
               ClusterLink& link)
      : loop_(control), settings_(settings), source_(source), link_(link) {}

  bool tell(std::string_view topic, const http::Params& query, Done done) override;

 private:
  void nodes(const http::Params& query, Done done);
  void status(const http::Params& query, Done done);
  void bus(const http::Params& query, Done done);
  void probe(const http::Params& query, Done done);
  void tail(const http::Params& query, Done done);
  void counters(const http::Params& query, Done done);
  void reset_counter(const http::Params& query, Done done);
  void ask_counters(CounterQuestion::Asked asked, Done done,
                    std::string (*json)(const cluster::CounterPage&));

  net::Loop& loop_;
  const config::Settings& settings_;
  BusSource& source_;
  ClusterLink& link_;
  std::unique_ptr<BusProbe> probe_;            // one at a time
  std::unique_ptr<CounterQuestion> question_;  // one at a time
};

}  // namespace mr::app
