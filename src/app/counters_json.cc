#include "app/counters_json.h"

#include <chrono>
#include <cstdint>

#include "json/writer.h"
#include "observability/escape.h"

namespace mr::app {
namespace {

void put_counter(json::Writer& out, const cluster::CounterState& state) {
  const auto text = [&out](std::string_view name, std::string_view value) {
    out.key(name);
    out.string(observability::to_valid_utf8(value));
  };
  const auto number = [&out](std::string_view name, std::uint64_t value) {
    out.key(name);
    out.number(value);
  };
  out.begin_object();
  text("app", state.key.app_id);
  text("channel", state.key.channel);
  text("key", state.key.conflation_key);
  number("count", state.count.count);
  number("interval", state.count.interval);
  text("node", state.count.node);
  text("store_life", cluster::to_text(cluster::BootId{static_cast<std::uint64_t>(state.life)}));
  if (state.ends_in) {
    number("ends_in_ms", static_cast<std::uint64_t>(*state.ends_in / std::chrono::milliseconds(1)));
  }
  out.end_object();
}

}  // namespace

std::string counters_json(const cluster::CounterPage& page) {
  std::string text;
  json::Writer out(text);
  out.begin_object();
  out.key("counters");
  out.begin_array();
  for (const cluster::CounterState& state : page.counters) put_counter(out, state);
  out.end_array();
  out.key("next");
  out.string(observability::to_valid_utf8(page.next));
  out.key("unnamed");
  out.number(std::uint64_t{page.unnamed});
  out.end_object();
  return text;
}

}  // namespace mr::app
