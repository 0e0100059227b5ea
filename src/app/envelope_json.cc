#include "app/envelope_json.h"

#include <variant>

#include "base/cut_utf8.h"
#include "json/writer.h"
#include "observability/escape.h"

namespace mr::app {
namespace {

class Fields {
 public:
  Fields(json::Writer& out, std::size_t payload_bytes_max)
      : out_(out), payload_bytes_max_(payload_bytes_max) {}

  void operator()(const cluster::EventMessage& data) {
    number("sequence", data.sequence);
    text("app", data.app_id);
    text("channel", data.channel);
    text("event", data.event);
    number("data_bytes", data.data.size());
    if (data.is_client_event) flag("client_event");
    if (data.except) text("except", data.except->to_string());
    if (payload_bytes_max_ == 0) return;
    text("data", base::cut_utf8(data.data, payload_bytes_max_));
    if (data.data.size() > payload_bytes_max_) flag("data_is_cut");
  }
  void operator()(const cluster::MarkRequest& request) {
    number("partition", request.partition);
    number("wanted", request.wanted.size());
  }
  void operator()(const cluster::MarkMessage& mark) {
    text("to", cluster::to_text(mark.to));
    number("tail", mark.tail);
  }
  void operator()(const cluster::GapQuestion& question) { gap(question.to, question.gap); }
  void operator()(const cluster::GapAnswer& answer) {
    gap(answer.to, answer.gap);
    if (answer.is_complete) flag("is_complete");
    number("channels", answer.hits.size());
  }
  void operator()(const cluster::HelloMessage& hello) {
    text("name", hello.name);
    if (hello.is_joining) flag("is_joining");
  }
  void operator()(const cluster::WelcomeMessage& welcome) {
    text("name", welcome.name);
    text("to", cluster::to_text(welcome.to));
  }
  void operator()(const cluster::BeatMessage& beat) {
    text("name", beat.name);
    number("number", beat.number);
    text("status", beat.status);
    number("tails", beat.tails.size());
    number("connections", beat.load.connections);
  }
  void operator()(const cluster::LeaveMessage& leave) { number("tails", leave.tails.size()); }
  void operator()(const cluster::ShareMessage& share) {
    number("number", share.number);
    number("counts", share.counts.size());
    number("users", share.users.size());
    if (share.to) text("to", cluster::to_text(*share.to));
  }
  void operator()(const cluster::ShareRequest& request) {
    text("to", cluster::to_text(request.to));
  }
  // Kind, sender and size say enough of the others.
  template <class Other>
  void operator()(const Other& /*message*/) {}

  void text(std::string_view key, std::string_view value) {
    out_.key(key);
    out_.string(observability::to_valid_utf8(value));
  }
  void number(std::string_view key, std::uint64_t value) {
    out_.key(key);
    out_.number(value);
  }

 private:
  void flag(std::string_view key) {
    out_.key(key);
    out_.boolean(true);
  }
  void gap(cluster::BootId to, const cluster::Gap& gap) {
    text("to", cluster::to_text(to));
    number("partition", gap.partition);
    number("first", gap.first);
    number("last", gap.last);
  }

  json::Writer& out_;
  const std::size_t payload_bytes_max_;
};

void put_place(Fields& fields, const EnvelopePlace& place) {
  fields.number("at_ms", static_cast<std::uint64_t>(base::unix_ms(place.at)));
  fields.text("direction", place.direction);
  fields.text("subject", to_text(place.subject));
  fields.number("bytes", place.bytes);
}

}  // namespace

std::string envelope_json(const EnvelopePlace& place, const cluster::Envelope& envelope,
                          std::size_t payload_bytes_max) {
  std::string line;
  json::Writer out(line);
  Fields fields(out, payload_bytes_max);
  out.begin_object();
  put_place(fields, place);
  fields.text("from", cluster::to_text(envelope.from));
  fields.text("kind", cluster::name_of(cluster::kind_of(envelope.message)));
  fields.number("priority", envelope.priority);
  std::visit(fields, envelope.message);
  out.end_object();
  return line;
}

std::string refused_json(const EnvelopePlace& place,
                         const base::Error<cluster::EnvelopeErrc>& error) {
  std::string line;
  json::Writer out(line);
  Fields fields(out, 0);
  out.begin_object();
  put_place(fields, place);
  fields.text("refused", cluster::name_of(error.code));
  fields.text("reason", error.detail);
  out.end_object();
  return line;
}

std::string to_text(cluster::Subject subject) {
  return subject == cluster::Subject::kControl ? "control"
                                               : std::to_string(cluster::number_of(subject));
}

}  // namespace mr::app
