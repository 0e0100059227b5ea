#include "api/publish.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "api/marks.h"
#include "crypto/digest.h"
#include "json/writer.h"

namespace mr::api {
namespace {

constexpr std::size_t kNodeNameBytesMax = 128;

struct Excepted {
  std::optional<model::SocketId> socket = std::nullopt;
  std::string node = {};
};

template <class T>
using Read = base::Result<T, Errc>;

Error bad(std::string detail) { return {Errc::kInvalidInput, std::move(detail)}; }

std::optional<json::Value> given(const json::Value& object, std::string_view name) {
  auto value = object.member(name);
  if (value && value->is_null()) value.reset();
  return value;
}

Read<json::Value> read_object(json::Parser& parser, std::string_view body) {
  const auto read = parser.parse(body);
  if (!read) {
    const bool is_large = read.error().code == json::Errc::kTooLarge;
    return Error{is_large ? Errc::kPayloadTooLarge : Errc::kInvalidInput,
                 "the body: " + read.error().detail + "; send one JSON object"};
  }
  if (!read.value().is_object()) return bad("the body is not a JSON object; send {\"name\":...}");
  return read.value();
}

Read<std::string> read_name(const json::Value& event, const model::AppOptions& app) {
  const auto member = event.member("name");
  const auto name = member ? member->as_string() : std::nullopt;
  if (!name || name->empty()) {
    return bad("the event has no name; send \"name\":\"a text that is not empty\"");
  }
  if (name->size() > app.max_event_name_length) {
    return Error{Errc::kLimitExceeded, "the event name " + shown(*name) + " has " +
                                           std::to_string(name->size()) + " bytes, app " + app.id +
                                           " allows " + std::to_string(app.max_event_name_length) +
                                           "; shorten it or raise max_event_name_length"};
  }
  return std::string(*name);
}

// The wire wants a JSON string: a string keeps its bytes, anything else is put into one.
Read<std::string> read_data(const json::Value& event, const model::AppOptions& app) {
  const auto member = event.member("data");
  if (!member) return bad("the event has no data; send \"data\":\"...\" (JSON is put in a string)");
  const auto text = member->as_string();
  const std::size_t bytes = text ? text->size() : member->raw().size();
  const std::size_t bytes_max = std::size_t{app.max_event_payload_in_kb} * 1024;
  if (bytes_max != 0 && bytes > bytes_max) {
    return Error{Errc::kPayloadTooLarge, "the event's data has " + std::to_string(bytes) +
                                             " bytes, app " + app.id + " allows " +
                                             std::to_string(bytes_max) +
                                             "; send less or raise max_event_payload_in_kb"};
  }
  return text ? std::string(member->raw()) : json::quote(member->raw());
}

Read<model::ChannelName> read_channel(const json::Value& value, const model::AppOptions& app) {
  const auto text = value.as_string();
  if (!text) return bad("a channel name is not a text; send \"channel\":\"name\"");
  auto name = model::ChannelName::parse(*text, app.max_channel_name_length);
  if (name) return std::move(name).value();
  return bad(std::string(model::describe(name.error().code)) + ": " + shown(*text) + "; use 1 to " +
             std::to_string(app.max_channel_name_length) + " of A-Z a-z 0-9 _ - = @ , . ; :");
}

Read<std::vector<model::ChannelName>> read_channels(const json::Value& event,
                                                    const model::AppOptions& app) {
  std::vector<model::ChannelName> channels;
  const auto list = given(event, "channels");
  if (!list) {
    const auto single = given(event, "channel");
    if (!single) return bad("the event has no channel; send \"channel\" or \"channels\"");
    auto name = read_channel(*single, app);
    if (!name) return name.error();
    channels.push_back(std::move(name).value());
    return channels;
  }
  if (!list->is_array()) return bad("channels is not an array; send \"channels\":[\"name\"]");
  std::set<std::string_view, std::less<>> seen;
  for (auto cursor = list->children(); cursor.next();) {
    auto name = read_channel(cursor.value(), app);
    if (!name) return name.error();
    // Named twice is meant once; the views live as long as the parsed body.
    if (!seen.insert(*cursor.value().as_string()).second) continue;
    channels.push_back(std::move(name).value());
    if (app.max_event_channels_at_once != 0 && channels.size() > app.max_event_channels_at_once) {
      return Error{Errc::kLimitExceeded, "the event names more than " +
                                             std::to_string(app.max_event_channels_at_once) +
                                             " channels, the limit of app " + app.id +
                                             "; split it or raise max_event_channels_at_once"};
    }
  }
  if (channels.empty()) return bad("channels is empty; name at least one channel");
  return channels;
}

Read<std::optional<model::SocketId>> read_socket_id(const json::Value& event) {
  const auto member = given(event, "socket_id");
  if (!member) return std::optional<model::SocketId>();
  const auto text = member->as_string();
  // SDKs send an empty text for "nobody".
  if (text && text->empty()) return std::optional<model::SocketId>();
  const auto id = text ? model::SocketId::parse(*text) : std::nullopt;
  if (!id) {
    return bad("socket_id " + shown(text.value_or(member->raw())) +
               " is not of the form 123.456; send the connection's socket_id or leave it out");
  }
  return id;
}

Read<Attributes> read_info(const json::Value& event) {
  const auto member = given(event, "info");
  if (!member) return Attributes{};
  const auto text = member->as_string();
  if (!text) return bad("info is not a text; send \"info\":\"subscription_count\"");
  return read_attributes(*text);
}

Read<std::string> read_key(const json::Value& object) {
  const auto member = given(object, "idempotency_key");
  if (!member) return std::string();
  const auto text = member->as_string();
  if (!text || text->empty()) {
    return bad("idempotency_key is not a text; send a unique text or leave it out");
  }
  return std::string(*text);
}

// Appends one event, once for each of its channels.
std::optional<Error> add_event(Publication& publication, const json::Value& event,
                               const model::AppOptions& app) {
  if (!event.is_object()) return bad("an event is not an object; send {\"name\":...,\"data\":...}");
  auto name = read_name(event, app);
  if (!name) return name.error();
  auto data = read_data(event, app);
  if (!data) return data.error();
  auto channels = read_channels(event, app);
  if (!channels) return channels.error();
  auto except = read_socket_id(event);
  if (!except) return except.error();
  const auto wanted = read_info(event);
  if (!wanted) return wanted.error();
  const auto marks = read_marks(event);
  if (!marks) return marks.error();
  for (model::ChannelName& channel : channels.value()) {
    publication.events.push_back({std::move(channel),
                                  name.value(),
                                  data.value(),
                                  except.value(),
                                  {},
                                  marks.value().delta,
                                  marks.value().tags});
    publication.wanted.push_back(wanted.value());
  }
  ++publication.event_count;
  return std::nullopt;
}

// Whom a broadcast is for: the user's channel or another one; none: all.
Read<std::optional<model::ChannelName>> read_addressee(const json::Value& root,
                                                       const model::AppOptions& app) {
  const auto to = given(root, "to");
  if (!to || to->as_string() == "all") return std::optional<model::ChannelName>();
  const auto user = to->is_object() ? given(*to, "user") : std::nullopt;
  const auto channel = to->is_object() ? given(*to, "channel") : std::nullopt;
  if (channel && !user) {
    auto name = read_channel(*channel, app);
    if (!name) return name.error();
    return std::optional(std::move(name).value());
  }
  const auto id = user && !channel ? user->as_string() : std::nullopt;
  if (id && !id->empty() && id->size() <= app.max_channel_name_length) {
    return std::optional(model::ChannelName::server_to_user(*id));
  }
  return bad("to " + shown(to->raw()) +
             " names nobody; send \"all\", {\"user\":\"id\"} or {\"channel\":\"name\"}");
}

// Who does not get it.
Read<Excepted> read_except(const json::Value& root) {
  Excepted excepted;
  const auto except = given(root, "except");
  if (!except) return excepted;
  const auto node = except->is_object() ? given(*except, "node") : std::nullopt;
  const bool has_socket = except->is_object() && given(*except, "socket_id");
  if ((!node && !has_socket) || (node && !node->as_string())) {
    return bad("except " + shown(except->raw()) +
               " names nobody; send {\"socket_id\":\"1.2\"}, {\"node\":\"name\"} or both");
  }
  auto socket = read_socket_id(*except);
  if (!socket) return socket.error();
  excepted.socket = socket.value();
  if (node) excepted.node = *node->as_string();
  if (excepted.node.size() > kNodeNameBytesMax) {
    return bad("except.node has " + std::to_string(excepted.node.size()) +
               " bytes; a node's name has at most " + std::to_string(kNodeNameBytesMax));
  }
  return excepted;
}

Read<std::uint8_t> read_priority(const json::Value& root, std::uint8_t usual) {
  const auto member = given(root, "priority");
  if (!member) return usual;
  const std::string_view text = member->raw();
  if (text.size() == 1 && text[0] >= '0' && text[0] <= '0' + model::kCriticalPriority) {
    return static_cast<std::uint8_t>(text[0] - '0');
  }
  return bad("priority " + shown(text) +
             " is no priority; send 0 (low), 1 (usual), 2 (high) or 3 (critical)");
}

bool is_reserved(std::string_view event) {
  return event.starts_with("pusher") && event.find(':') != std::string_view::npos;
}

}  // namespace

bool Publication::wants_level() const {
  return std::any_of(wanted.begin(), wanted.end(), [](const Attributes& a) { return a.level; });
}

bool Publication::wants_counts() const {
  return std::any_of(wanted.begin(), wanted.end(), [](const Attributes& a) { return a.any(); });
}

Read<Publication> read_event(json::Parser& parser, std::string_view body,
                             const model::AppOptions& app) {
  const auto root = read_object(parser, body);
  if (!root) return root.error();
  Publication publication;
  if (auto error = add_event(publication, root.value(), app)) return std::move(*error);
  auto key = read_key(root.value());
  if (!key) return key.error();
  publication.idempotency_key = std::move(key).value();
  return publication;
}

Read<Publication> read_broadcast(json::Parser& parser, std::string_view body,
                                 const model::AppOptions& app) {
  const auto root = read_object(parser, body);
  if (!root) return root.error();
  auto name = read_name(root.value(), app);
  if (!name) return name.error();
  auto data = read_data(root.value(), app);
  if (!data) return data.error();
  auto addressee = read_addressee(root.value(), app);
  if (!addressee) return addressee.error();
  auto except = read_except(root.value());
  if (!except) return except.error();
  const bool is_for_user =
      addressee.value() && addressee.value()->kind() == model::ChannelKind::kServerToUser;
  const auto priority =
      read_priority(root.value(), is_for_user ? model::kHighPriority : model::kUsualPriority);
  if (!priority) return priority.error();
  auto key = read_key(root.value());
  if (!key) return key.error();
  Publication publication;
  publication.event_count = 1;
  publication.idempotency_key = std::move(key).value();
  if (!addressee.value()) {
    if (is_reserved(name.value())) {
      return bad("the event name " + shown(name.value()) +
                 " belongs to the protocol; a broadcast to all needs another one");
    }
    publication.broadcast = {std::move(name).value(), std::move(data).value(),
                             except.value().socket, except.value().node, priority.value()};
    return publication;
  }
  channel::PublishEvent event{*std::move(addressee).value(), std::move(name).value(),
                              std::move(data).value(), except.value().socket};
  event.except_node = except.value().node;
  event.priority = priority.value();
  publication.events.push_back(std::move(event));
  publication.wanted.emplace_back();
  return publication;
}

Read<Publication> read_batch(json::Parser& parser, std::string_view body,
                             const model::AppOptions& app) {
  const auto root = read_object(parser, body);
  if (!root) return root.error();
  const auto batch = root.value().member("batch");
  if (!batch || !batch->is_array()) {
    return bad("the body has no batch; send {\"batch\":[{\"name\":...,\"channel\":...}]}");
  }
  Publication publication;
  publication.is_batch = true;
  auto key = read_key(root.value());
  if (!key) return key.error();
  std::string keys;  // of the events; together they name the batch
  for (auto cursor = batch->children(); cursor.next();) {
    if (app.max_event_batch_size != 0 && publication.event_count >= app.max_event_batch_size) {
      return Error{Errc::kLimitExceeded, "the batch has more than " +
                                             std::to_string(app.max_event_batch_size) +
                                             " events, the limit of app " + app.id +
                                             "; split it or raise max_event_batch_size"};
    }
    const json::Value& event = cursor.value();
    if (given(event, "channels")) {
      return bad("an event of a batch has channels; give each event one \"channel\"");
    }
    if (auto error = add_event(publication, event, app)) {
      return Error{error->code,
                   "event " + std::to_string(publication.event_count) + ": " + error->detail};
    }
    const auto own = read_key(event);
    if (!own) return own.error();
    keys += json::quote(own.value());
    if (!own.value().empty()) publication.idempotency_key = "batch";
  }
  if (!publication.idempotency_key.empty()) {
    publication.idempotency_key += "-" + crypto::sha256_hex(keys);
  }
  if (!key.value().empty()) publication.idempotency_key = std::move(key).value();
  return publication;
}

std::string write_answer(const Publication& publication, const channel::PublishOutcome& outcome) {
  const std::vector<channel::ChannelCounts>& counts = outcome.counts;
  std::string out;
  json::Writer writer(out);
  writer.begin_object();
  if (publication.wants_level()) {
    writer.key("level");
    writer.string(outcome.reach == channel::Reach::kAll ? "cluster" : "local");
  }
  if (publication.wants_counts()) {
    writer.key(publication.is_batch ? "batch" : "channels");
    publication.is_batch ? writer.begin_array() : writer.begin_object();
    for (std::size_t i = 0; i < publication.events.size(); ++i) {
      if (!publication.is_batch) writer.key(publication.events[i].channel.text());
      writer.begin_object();
      if (i < counts.size()) {
        write_counts(writer, publication.wanted[i], counts[i],
                     publication.events[i].channel.is_presence());
      }
      writer.end_object();
    }
    publication.is_batch ? writer.end_array() : writer.end_object();
  }
  writer.end_object();
  return out;
}

}  // namespace mr::api
