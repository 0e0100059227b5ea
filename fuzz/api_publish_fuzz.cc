#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/errc.h"
#include "api/publish.h"
#include "base/assert.h"
#include "pusher/encode.h"

// Bodies of POST /events and /batch_events: what is accepted keeps the app's limits and goes out
// as JSON, what is refused has an error that is JSON.

namespace {

namespace api = mr::api;

mr::json::Parser& checker() {
  static mr::json::Parser parser(4 << 20);
  return parser;
}

mr::model::AppOptions limits() {
  mr::model::AppOptions app;
  app.id = "1";
  app.max_event_channels_at_once = 5;
  app.max_event_batch_size = 4;
  app.max_event_name_length = 20;
  app.max_event_payload_in_kb = 1;
  return app;
}

void check(const mr::model::Tags& tags) {
  MR_ASSERT(tags.size() <= mr::model::kTagsMax, "so many tags");
  for (std::size_t i = 0; i < tags.size(); ++i) {
    MR_ASSERT(!tags[i].name.empty() && tags[i].name.size() <= mr::model::kTagNameBytesMax,
              "a name");
    MR_ASSERT(tags[i].value.size() <= mr::model::kTagValueBytesMax, "a value");
    MR_ASSERT(i == 0 || tags[i - 1].name < tags[i].name, "sorted, each once");
  }
}

void check(const mr::base::Result<api::Publication, api::Errc>& read) {
  if (!read) {
    const mr::http::Response response = api::error_response(read.error());
    MR_ASSERT(response.status == 400 || response.status == 413, "the client's fault");
    MR_ASSERT(checker().parse(response.body).ok(), "an error is JSON");
    return;
  }
  const api::Publication& publication = read.value();
  const mr::model::AppOptions app = limits();
  MR_ASSERT(publication.events.size() == publication.wanted.size(), "one answer for each event");
  MR_ASSERT(publication.event_count <= app.max_event_batch_size, "batches are limited");
  mr::channel::PublishOutcome outcome;
  for (const auto& event : publication.events) {
    check(event.tags);
    MR_ASSERT(!event.event.empty() && event.event.size() <= app.max_event_name_length, "a name");
    const std::string frame =
        mr::pusher::channel_event(event.event, event.channel.text(), event.data);
    const auto wire = checker().parse(frame);
    MR_ASSERT(wire.ok(), "an event goes out as JSON");
    const auto data = wire.value().member("data")->as_string();
    MR_ASSERT(data && data->size() <= app.max_event_payload_in_kb * 1024, "data is a string");
    outcome.counts.push_back({event.channel.text(), 1, 1});
  }
  MR_ASSERT(checker().parse(api::write_answer(publication, outcome)).ok(), "an answer is JSON");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static mr::json::Parser parser(64 * 1024);
  static const mr::model::AppOptions app = limits();
  const std::string_view body(reinterpret_cast<const char*>(bytes), size);
  check(api::read_event(parser, body, app));
  check(api::read_batch(parser, body, app));
  return 0;
}
