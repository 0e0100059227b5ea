#include "client/delta_reader.h"

#include <charconv>
#include <utility>

#include "crypto/encoding.h"
#include "delta/checksum.h"
#include "delta/encoder.h"

namespace mr::client {
namespace {

constexpr std::string_view kNumberMember = ",\"__delta_seq\":";
constexpr std::string_view kKeyMember = ",\"__conflation_key\":\"";
constexpr std::string_view kPrefixes[] = {"{\"event\":\"pusher:delta",
                                          "{\"event\":\"sockudo:delta"};

constexpr std::size_t kWaitingMax = 10'000;  // channels that were left

// What stands behind the text of a full frame that may become a base.
struct Tail {
  std::uint64_t number = 0;
  std::string key;
};

std::optional<Tail> read_tail(std::string_view rest) {
  Tail tail;
  rest.remove_prefix(kNumberMember.size());
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), tail.number);
  if (error != std::errc()) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  if (rest.starts_with(kKeyMember)) {
    rest.remove_prefix(kKeyMember.size());
    const std::size_t quote = rest.find('"');
    if (quote == std::string_view::npos) return std::nullopt;
    tail.key = rest.substr(0, quote);
    rest.remove_prefix(quote + 1);
  }
  return rest == "}" ? std::optional(tail) : std::nullopt;
}

std::string text_of(const json::Value& object, std::string_view name) {
  const auto member = object.member(name);
  return std::string(member ? member->as_string().value_or(std::string_view())
                            : std::string_view());
}

std::optional<std::uint64_t> number_of(const json::Value& object, std::string_view name) {
  const auto member = object.member(name);
  return member ? member->as_uint() : std::nullopt;
}

}  // namespace

// The members of a delta frame, copied out of the parser.
struct DeltaReader::Delta {
  std::string channel;
  std::string event;
  std::string key;
  std::string bytes;
  std::string algorithm;
  std::optional<std::uint64_t> number;
  std::optional<std::uint64_t> base;
  std::optional<std::uint64_t> crc;
  bool is_base64 = true;

  Delta(std::string of_channel, const json::Value& data)
      : channel(std::move(of_channel)),
        event(text_of(data, "event")),
        key(text_of(data, "conflation_key")),
        algorithm(text_of(data, "algorithm")),
        number(number_of(data, "seq")),
        base(number_of(data, "base_index")),
        crc(number_of(data, "crc")) {
    auto decoded = crypto::base64_decode(text_of(data, "delta"));
    is_base64 = decoded.has_value();
    if (decoded) bytes = std::move(*decoded);
  }
};

DeltaReader::Result DeltaReader::take(std::string_view frame) {
  const bool is_ours = frame.starts_with(kPrefixes[0]) || frame.starts_with(kPrefixes[1]);
  if (!is_ours) {
    const std::size_t tail = frame.rfind(kNumberMember);
    return tail == std::string_view::npos ? Result{} : take_full(frame, tail);
  }
  const auto parsed = parser_.parse(frame);
  const auto data = parsed ? parsed.value().member("data") : std::nullopt;
  if (!data) return lose({}, "a frame of deltas that is not JSON, or has no data");
  const std::string event = text_of(parsed.value(), "event");
  const std::string channel = text_of(parsed.value(), "channel");
  if (event.ends_with(":delta")) return take_delta(frame, Delta(channel, *data));
  if (event.ends_with(":delta_cache_sync")) {
    take_sync(channel, *data);
    return {Outcome::kConsumed};
  }
  if (event.ends_with(":delta_compression_enabled")) {
    if (const auto named = model::parse_delta_algorithm(text_of(*data, "algorithm"))) {
      confirmed_ = named;
    }
    return {Outcome::kConsumed};
  }
  return {};
}

DeltaReader::Result DeltaReader::take_full(std::string_view frame, std::size_t tail_at) {
  const auto tail = read_tail(frame.substr(tail_at));
  if (!tail) return {};
  Held held;
  held.number = tail->number;
  held.key = tail->key;
  held.text = std::string(frame.substr(0, tail_at)) + "}";
  {
    const auto parsed = parser_.parse(held.text);
    if (!parsed || !parsed.value().is_object()) return {};
    held.channel = text_of(parsed.value(), "channel");
  }
  ++counts_.fulls;
  counts_.wire_bytes += frame.size();
  counts_.text_bytes += held.text.size();
  Result result{Outcome::kMessage, held.text, held.channel};
  result.number = held.number;
  result.is_keyed = !held.key.empty();
  hold(std::move(held));
  return result;
}

DeltaReader::Result DeltaReader::take_delta(std::string_view frame, const Delta& delta) {
  if (delta.channel.empty() || !delta.number || !delta.base || !delta.is_base64) {
    return lose(delta.channel, "a delta with missing or wrong members");
  }
  const auto waiting = waiting_.find(delta.channel);
  if (waiting != waiting_.end()) {
    if (waiting->second == Waiting::kLeft) return {Outcome::kConsumed};
    return lose(delta.channel, "the base of a delta is missing");
  }
  const auto algorithm =
      delta.algorithm.empty() ? confirmed_ : model::parse_delta_algorithm(delta.algorithm);
  if (!algorithm) return lose(delta.channel, "a delta of an algorithm that nobody named");
  const Held* const base = find(delta.channel, delta.key, *delta.base);
  if (base == nullptr) return lose(delta.channel, "the base of a delta is missing");
  auto text = delta::decode(*algorithm, base->text, delta.bytes, limits_.text_bytes_max);
  if (!text) return lose(delta.channel, "a delta that does not decode");
  if (*algorithm == delta::Algorithm::kVcdiff &&
      (!delta.crc || *delta.crc != delta::crc32(text.value()))) {
    return lose(delta.channel, "a delta whose sum is missing or wrong");
  }
  {
    const auto parsed = parser_.parse(text.value());
    if (!parsed || text_of(parsed.value(), "event") != delta.event ||
        text_of(parsed.value(), "channel") != delta.channel) {
      return lose(delta.channel, "a delta of another message");
    }
  }
  ++counts_.deltas;
  counts_.wire_bytes += frame.size();
  counts_.text_bytes += text.value().size();
  hold({delta.channel, delta.key, *delta.number, text.value()});
  Result result{Outcome::kMessage, std::move(text).value(), delta.channel};
  result.number = *delta.number;
  result.base = *delta.base;
  result.is_keyed = !delta.key.empty();
  return result;
}

void DeltaReader::take_sync(const std::string& channel, const json::Value& data) {
  forget(channel);
  waiting_.erase(channel);
  const auto states = data.member("states");
  if (!states) return;
  states->for_each_member([&](std::string_view key, const json::Value& list) {
    list.for_each_element([&](const json::Value& state) {
      const auto number = number_of(state, "seq");
      if (number) hold({channel, std::string(key), *number, text_of(state, "content")});
    });
  });
}

// What is held of the channel is doubtful now; the answer to the question begins anew.
DeltaReader::Result DeltaReader::lose(std::string channel, std::string why) {
  ++counts_.lost;
  forget(channel);
  const bool asks = !channel.empty() && waiting_.try_emplace(channel, Waiting::kAsked).second;
  return {Outcome::kLost, {}, std::move(channel), std::move(why), asks};
}

void DeltaReader::leave(const std::string& channel) {
  forget(channel);
  // Of so many channels none is likely to have a delta on its way.
  if (waiting_.size() >= kWaitingMax) waiting_.clear();
  waiting_[channel] = Waiting::kLeft;
}

void DeltaReader::forget(const std::string& channel) {
  const auto found = chains_.find(channel);
  if (found == chains_.end()) return;
  for (const auto& [key, places] : found->second) {
    for (const Place place : places) {
      held_bytes_ -= place->text.size();
      held_.erase(place);
    }
  }
  chains_.erase(found);
}

void DeltaReader::hold(Held held) {
  if (held.text.size() > limits_.text_bytes_max) return;
  // A message that comes again takes no other one's place.
  if (const Held* const had = find(held.channel, held.key, held.number)) {
    if (had->text == held.text) return;
  }
  held_bytes_ += held.text.size();
  std::list<Place>& places = chains_[held.channel][held.key];
  held_.push_back(std::move(held));
  places.push_back(std::prev(held_.end()));
  if (places.size() > limits_.per_key_max) drop(places.front());
  while (held_bytes_ > limits_.texts_bytes_max) drop(held_.begin());
}

void DeltaReader::drop(Place place) {
  const auto channel = chains_.find(place->channel);
  const auto key = channel->second.find(place->key);
  key->second.remove(place);
  if (key->second.empty()) channel->second.erase(key);
  if (channel->second.empty()) chains_.erase(channel);
  held_bytes_ -= place->text.size();
  held_.erase(place);
}

const DeltaReader::Held* DeltaReader::find(const std::string& channel, const std::string& key,
                                           std::uint64_t number) {
  const auto of_channel = chains_.find(channel);
  if (of_channel == chains_.end()) return nullptr;
  const auto of_key = of_channel->second.find(key);
  if (of_key == of_channel->second.end()) return nullptr;
  for (const Place place : of_key->second) {
    if (place->number == number) return &*place;
  }
  return nullptr;
}

}  // namespace mr::client
