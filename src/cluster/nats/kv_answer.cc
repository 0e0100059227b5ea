#include "cluster/nats/kv_answer.h"

#include <optional>

#include "crypto/encoding.h"

namespace mr::cluster::nats {
namespace {

using Kind = KvAnswer::Kind;

KvAnswer failure(const json::Value& error) {
  const auto number = [&error](std::string_view name) {
    const auto member = error.member(name);
    return member ? member->as_uint().value_or(0) : 0;
  };
  const auto text = error.member("description");
  KvAnswer answer{Kind::kRefused};
  answer.text = text ? text->as_string().value_or("") : "";
  switch (number("err_code")) {
    case 10071:  // wrong last sequence
    case 10164:  // the same, of newer servers
      answer.kind = Kind::kConflict;
      break;
    case 10037:  // no message found
      answer.kind = Kind::kAbsent;
      break;
    case 10059:  // stream not found
      answer.kind = Kind::kGone;
      break;
    default:
      if (answer.text.empty()) answer.text = std::string(error.raw().substr(0, 200));
  }
  return answer;
}

// Base64, and missing where there are no bytes.
std::optional<std::string> bytes_of(const json::Value& message, std::string_view name) {
  const auto member = message.member(name);
  if (!member) return std::string();
  const auto text = member->as_string();
  return text ? crypto::base64_decode(*text) : std::nullopt;
}

KvAnswer record(const json::Value& message) {
  const auto sequence = message.member("seq");
  const std::uint64_t number = sequence ? sequence->as_uint().value_or(0) : 0;
  const std::optional<std::string> headers = bytes_of(message, "hdrs");
  std::optional<std::string> value = bytes_of(message, "data");
  if (number == 0 || !headers || !value) {
    return {Kind::kUnread, 0, {}, "a message without its parts"};
  }
  const bool is_marker = headers->find("KV-Operation:") != std::string::npos;
  return {is_marker ? Kind::kMarker : Kind::kRead, number, std::move(*value), {}};
}

}  // namespace

KvAnswer read_kv_answer(json::Parser& parser, std::string_view bytes) {
  if (bytes.empty()) return {Kind::kGone};
  const auto parsed = parser.parse(bytes);
  if (!parsed || !parsed.value().is_object()) return {Kind::kUnread, 0, {}, "no JSON object"};
  const json::Value& all = parsed.value();
  if (const auto error = all.member("error")) return failure(*error);
  if (const auto message = all.member("message")) return record(*message);
  const auto sequence = all.member("seq");
  const std::uint64_t number = sequence ? sequence->as_uint().value_or(0) : 0;
  if (number == 0) return {Kind::kUnread, 0, {}, "an answer without a sequence"};
  return {Kind::kWritten, number, {}, {}};
}

}  // namespace mr::cluster::nats
