#include "cluster/nats/kv_answer.h"

#include <array>
#include <charconv>
#include <chrono>
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
    case 10158:  // a message with this id is on its way
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

// "2026-01-31T12:34:56.123456789Z", the fraction of any length or missing.
std::optional<base::WallTime> read_time(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  constexpr std::array<std::size_t, 6> kWidths = {4, 2, 2, 2, 2, 2};
  if (text.size() <= kForm.size() || text.back() != 'Z') return std::nullopt;
  std::array<unsigned, 6> parts{};
  std::size_t at = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const char* const end = text.data() + at + kWidths[i];
    const auto read = std::from_chars(text.data() + at, end, parts[i]);
    if (read.ec != std::errc{} || read.ptr != end) return std::nullopt;
    at += kWidths[i];
    if (at == kForm.size()) break;
    if (text[at] != kForm[at]) return std::nullopt;
    ++at;
  }
  std::string fraction(text.substr(at, text.size() - at - 1));
  if (!fraction.empty() && fraction.front() != '.') return std::nullopt;
  fraction.resize(10, '0');
  std::uint32_t nanoseconds = 0;
  const char* const end = fraction.data() + fraction.size();
  const auto read = std::from_chars(fraction.data() + 1, end, nanoseconds);
  const std::chrono::year_month_day day(std::chrono::year(static_cast<int>(parts[0])),
                                        std::chrono::month(parts[1]), std::chrono::day(parts[2]));
  // A clock of nanoseconds ends in 2262.
  const bool is_good = read.ec == std::errc{} && read.ptr == end && day.ok() && parts[0] >= 1970 &&
                       parts[0] < 2262 && parts[3] < 24 && parts[4] < 60 && parts[5] < 60;
  if (!is_good) return std::nullopt;
  return std::chrono::sys_days(day) + std::chrono::hours(parts[3]) +
         std::chrono::minutes(parts[4]) + std::chrono::seconds(parts[5]) +
         std::chrono::nanoseconds(nanoseconds);
}

std::string text_in(const json::Value& object, std::string_view name) {
  const auto member = object.member(name);
  return std::string(member ? member->as_string().value_or("") : "");
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
  return {is_marker ? Kind::kMarker : Kind::kRead,
          number,
          std::move(*value),
          {},
          text_in(message, "subject"),
          read_time(text_in(message, "time"))};
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
  // Another one that expected the same revision was faster.
  const auto duplicate = all.member("duplicate");
  if (duplicate && duplicate->as_bool().value_or(false)) return {Kind::kConflict};
  return {Kind::kWritten, number, {}, {}};
}

}  // namespace mr::cluster::nats
