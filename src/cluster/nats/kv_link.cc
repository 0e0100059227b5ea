#include "cluster/nats/kv_link.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/hash.h"
#include "cluster/nats/error_text.h"
#include "cluster/nats/kv_names.h"

namespace mr::cluster::nats {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(1000);
constexpr auto kLookAgain = std::chrono::seconds(10);
constexpr std::uint64_t kCopies = 3;
// The error code of a server that is of no cluster.
constexpr std::uint64_t kNoCopies = 10074;
constexpr std::size_t kAnswerBytesMax = 1 << 20;

template <class Tell>
void tell(const KvPortRef& port, Tell message) {
  port->loop.post([port, message = std::move(message)] {
    if (port->events != nullptr) message(*port->events);
  });
}

std::uint64_t number_in(const std::optional<json::Value>& object, std::string_view name) {
  const auto member = object ? object->member(name) : std::nullopt;
  return member ? member->as_uint().value_or(0) : 0;
}

// What its maker wrote into it, digits; empty: nothing.
std::string mark_of(const std::optional<json::Value>& config) {
  const auto member = config ? config->member("description") : std::nullopt;
  std::string mark(member ? member->as_string().value_or("") : "");
  const bool is_ours = mark.find_first_not_of("0123456789") == mark.npos;
  return is_ours ? mark : std::string();
}

std::string nanoseconds(base::Duration duration) { return std::to_string(duration.count()); }

}  // namespace

KvLink::KvLink(net::Loop& home, NatsOptions options, const StoreTimes& times, OnMissing on_missing)
    : home_(home),
      times_(times),
      on_missing_(std::make_shared<OnMissing>(std::move(on_missing))),
      parser_(kAnswerBytesMax),
      line_(home, std::move(options), *this) {}

KvLink::~KvLink() {
  *on_missing_ = nullptr;
  line_.end([this] { ports_.clear(); });
}

// --- for any loop ------------------------------------------------------------------------------

void KvLink::dial(KvPortRef port) {
  line_.run([this, port = std::move(port)] {
    if (line_.session() == nullptr && !line_.connect()) return refuse(port, line_.refusal());
    if (!is_open_ && !open_buckets()) return refuse(port, why_not_);
    attach(port);
  });
}

void KvLink::send(KvPortRef port, ConnectionNumber connection, Session::Outgoing message) {
  line_.run([this, port = std::move(port), connection, message = std::move(message)] {
    put(port, connection, message);
  });
}

void KvLink::drop(ConnectionNumber connection, std::string why) {
  line_.run([this, connection, why = std::move(why)] { line_.lose(connection, why); });
}

void KvLink::detach(KvPortRef port) {
  line_.run([this, port = std::move(port)] {
    std::erase_if(ports_, [&port](const Attached& each) { return each.port == port; });
  });
}

// --- on the Line's thread ------------------------------------------------------------------------

void KvLink::refuse(const KvPortRef& port, const std::string& why) {
  tell(port, [why](KvEvents& events) { events.on_refused(why); });
}

void KvLink::attach(const KvPortRef& port) {
  std::erase_if(ports_, [&port](const Attached& each) { return each.port == port; });
  tell(port, [connection = line_.number(), where = line_.session()->where(),
              lives = lives_](KvEvents& events) { events.on_open(connection, where, lives); });
  const auto on_message = [port, connection = line_.number()](std::string_view subject,
                                                              std::string_view bytes) {
    std::uint64_t token = 0;
    const char* const end = subject.data() + subject.size();
    std::from_chars(end - (subject.size() - subject.rfind('.') - 1), end, token);
    tell(port, [connection, token, text = std::string(bytes)](KvEvents& events) {
      events.on_reply(connection, token, text);
    });
  };
  ports_.push_back({port, line_.session()->subscribe(port->inbox + ".*", on_message)});
}

void KvLink::put(const KvPortRef& port, ConnectionNumber connection,
                 const Session::Outgoing& message) {
  if (line_.session() == nullptr || connection != line_.number()) return;
  tell(port, [connection, cost = cost_of(message)](KvEvents& events) {
    events.on_written(connection, cost);
  });
  const Session::Sent sent = line_.session()->publish(message);
  if (sent == Session::Sent::kBroken) {
    return line_.lose(connection, "NATS at " + line_.session()->where() +
                                      " takes nothing more: it hangs, or the network between is "
                                      "cut");
  }
  if (sent == Session::Sent::kYes) return;
  tell(port, [why = "NATS at " + line_.session()->where() + " takes no record of " +
                    std::to_string(message.bytes.size()) +
                    " bytes: raise max_payload there"](KvEvents& events) { events.on_error(why); });
}

void KvLink::on_lost(ConnectionNumber connection, const std::string& why) {
  for (const Attached& each : ports_) {
    tell(each.port, [connection, why](KvEvents& events) { events.on_lost(connection, why); });
  }
  ports_.clear();
  is_open_ = false;
  thin_since_ = {};
  missing_.clear();
  denied_.clear();
}

void KvLink::on_error(const std::string& error) {
  denied_ = error;
  const std::string why = explain_store_error(line_.session()->where(), error, options());
  // Of replies it would hear nothing.
  if (error.find("Subscription") != std::string::npos) return line_.lose(line_.number(), why);
  for (const Attached& each : ports_) {
    tell(each.port, [why](KvEvents& events) { events.on_error(why); });
  }
}

// --- the buckets -------------------------------------------------------------------------------

bool KvLink::open_buckets() {
  if (!missing_.empty() && clock_.now() - looked_ < kLookAgain) {
    why_not_ = missing_;
    return false;
  }
  looked_ = clock_.now();
  missing_.clear();
  // What was denied is told after the request that waited for it.
  if (!denied_.empty()) {
    miss(explain_store_error(line_.session()->where(), std::exchange(denied_, {}), options()));
    return false;
  }
  is_fresh_ = false;
  for (std::size_t space = 0; space < kSpaces; ++space) {
    if (!open_bucket(static_cast<Space>(space))) return false;
  }
  if (is_fresh_) why_not_ = "buckets were made a moment ago at NATS at " + line_.session()->where();
  return is_open_ = !is_fresh_;
}

// False: `why_not_` says why.
bool KvLink::open_bucket(Space space) {
  why_not_.clear();
  std::optional<json::Value> answer = ask("INFO", space, "");
  if (answer && answer->member("config")) {
    adapt(space, *answer->member("config"));
    answer = ask("INFO", space, "");
  } else if (answer) {
    if (!make_bucket(space)) return false;
    answer = ask("INFO", space, "");
  }
  const auto created = answer ? answer->member("created") : std::nullopt;
  const auto text = created ? created->as_string() : std::nullopt;
  if (!text) return false;
  const std::string mark = mark_of(answer->member("config"));
  lives_[static_cast<std::size_t>(space)] = static_cast<StoreLife>(
      std::max<std::uint64_t>(base::placing_hash(mark.empty() ? *text : mark, ""), 1));
  return true;
}

// False: it is not there, or not for certain as it will be: two nodes that make it at a time on
// servers of one cluster both succeed, and the mark of the later one stays.
bool KvLink::make_bucket(Space space) {
  const std::string mark = std::to_string(random_.next());
  const std::string name = bucket_name(options().prefix, name_of(space));
  const auto is_alone = [](const json::Value& answer) {
    return number_in(answer.member("error"), "err_code") == kNoCopies;
  };
  auto answer = ask("CREATE", space, config_of(space, kCopies, mark));
  if (answer && !answer->member("created")) {
    // Servers that start do not know each other yet.
    if (thin_since_ == base::TimePoint{}) thin_since_ = clock_.now();
    if (!is_alone(*answer) && clock_.now() - thin_since_ < kLookAgain) {
      why_not_ = "NATS at " + line_.session()->where() + " has no place yet for three copies of " +
                 name + ": " + std::string(answer->raw().substr(0, 300));
      return false;
    }
    answer = ask("CREATE", space, config_of(space, 1, mark));
  }
  if (!answer) return false;
  if (!answer->member("created")) {
    // Another node may have been faster, with other words.
    const std::string refusal(answer->raw().substr(0, 300));
    answer = ask("INFO", space, "");
    if (answer && !answer->member("created")) {
      miss("NATS at " + line_.session()->where() + " makes no bucket " + name + ": " + refusal);
    }
    return answer && answer->member("created");
  }
  if (answer->member("cluster")) is_fresh_ = true;
  return true;
}

// A bucket that was made with another life of its records, or before there were three servers.
void KvLink::adapt(Space space, const json::Value& config) {
  const std::uint64_t copies = number_in(config, "num_replicas");
  const std::string mark = mark_of(config);
  const bool is_as_wanted =
      number_in(config, "max_age") == static_cast<std::uint64_t>(times_.of(space).count());
  if (copies < kCopies) {
    const auto more = ask("UPDATE", space, config_of(space, kCopies, mark));
    if (!more || more->member("created")) return;
  }
  if (!is_as_wanted)
    ask("UPDATE", space, config_of(space, std::max<std::uint64_t>(copies, 1), mark));
}

// Valid until the next one. Nothing: there is no answer; `why_not_` says why.
std::optional<json::Value> KvLink::ask(std::string_view verb, Space space,
                                       const std::string& body) {
  if (line_.session() == nullptr) return std::nullopt;
  const std::string where = line_.session()->where();
  const std::string subject = "$JS.API.STREAM." + std::string(verb) + ".KV_" +
                              bucket_name(options().prefix, name_of(space));
  const auto answer = line_.session()->ask(subject, body, kPatience);
  if (answer) {
    const auto parsed = parser_.parse(answer.value());
    if (!parsed) {
      why_not_ = "NATS at " + where + " answers " + subject + " with no JSON";
      return std::nullopt;
    }
    const std::uint64_t code = number_in(parsed.value().member("error"), "err_code");
    if (code == 10008) {
      why_not_ = "JetStream of NATS at " + where + " is not ready yet";
      return std::nullopt;
    }
    // It is not enabled, for the server or for the account.
    if (code != 10076 && code != 10039) return parsed.value();
  } else if (answer.error().code == Session::AskErrc::kTimeout &&
             line_.session()->is_answering(kPatience / 2)) {
    why_not_ = "JetStream of NATS at " + where +
               " does not answer: it has no leader, or this user no right to $JS.API.>";
    return std::nullopt;
  } else if (answer.error().code != Session::AskErrc::kNoResponder) {
    why_not_ = "NATS at " + where + " does not answer: it hangs, or the network between is cut";
    line_.lose(line_.number(), why_not_);
    return std::nullopt;
  }
  miss("NATS at " + where +
       " has no JetStream: start it with -js; without it nodes share no leases, quotas, cached "
       "events and idempotency keys");
  return std::nullopt;
}

std::string KvLink::config_of(Space space, std::uint64_t replicas, const std::string& mark) const {
  const std::string bucket = bucket_name(options().prefix, name_of(space));
  const base::Duration life = times_.of(space);
  // Only for writers at a time.
  const base::Duration window = std::chrono::seconds(10);
  // Of a restart of all servers leases and quotas survive.
  const std::string_view storage = space == Space::kState ? "file" : "memory";
  std::string text = R"({"name":"KV_)" + bucket + R"(","subjects":["$KV.)" + bucket + R"(.>"],)";
  if (!mark.empty()) text += R"("description":")" + mark + R"(",)";
  text += R"("retention":"limits","discard":"new","max_msgs_per_subject":1,"max_consumers":-1,)";
  text += R"("max_msgs":-1,"max_bytes":-1,"max_msg_size":-1,"deny_delete":true,)";
  text += R"("allow_rollup_hdrs":true,"storage":")" + std::string(storage) + R"(","max_age":)";
  text += nanoseconds(life) + R"(,"num_replicas":)" + std::to_string(replicas);
  text += R"(,"duplicate_window":)";
  return text + nanoseconds(life.count() == 0 ? window : std::min(window, life)) + "}";
}

void KvLink::miss(std::string why) {
  why_not_ = missing_ = std::move(why);
  if (told_ == missing_) return;
  told_ = missing_;
  home_.post([on_missing = on_missing_, text = missing_] {
    if (*on_missing) (*on_missing)(text);
  });
}

}  // namespace mr::cluster::nats
