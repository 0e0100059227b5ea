#include "app/findings.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "json/parser.h"
#include "json/writer.h"

namespace mr::app {
namespace {

using Level = Finding::Level;

constexpr std::int64_t kClockWarningMs = 1000;  // signed requests stand 600 s of it
constexpr std::int64_t kClockErrorMs = 60'000;
constexpr std::uint64_t kDescriptorsFew = 65'536;
constexpr std::uint64_t kDescriptorsBeside = 1000;  // files, listeners, REST, the broker
constexpr std::uint64_t kRedisMajorLeast = 6;       // ACL users
constexpr std::uint64_t kNatsPayloadLeast = 1 << 20;

std::string_view name_of(Level level) {
  switch (level) {
    case Level::kGood:
      return "ok";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "";
}

// The value of a line "name:value" of INFO.
std::string fact(const std::string& info, const std::string& name) {
  std::size_t at = info.find("\n" + name + ":");
  if (at == std::string::npos) return {};
  at += name.size() + 2;
  return info.substr(at, info.find_first_of("\r\n", at) - at);
}

std::uint64_t number(const std::string& text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

std::string to_text(const Findings& findings) {
  std::string out;
  for (const Finding& finding : findings) {
    std::string begin = std::string(name_of(finding.level)) + "  ";
    begin.resize(9, ' ');
    out += begin + finding.check + ": " + finding.text + "\n";
    if (!finding.remedy.empty()) out += "         " + finding.remedy + "\n";
  }
  return out;
}

std::string to_json(const Findings& findings) {
  std::string text;
  json::Writer out(text);
  out.begin_array();
  for (const Finding& finding : findings) {
    out.begin_object();
    for (const auto& [key, value] : {std::pair{"level", name_of(finding.level)},
                                     std::pair{"check", std::string_view(finding.check)},
                                     std::pair{"text", std::string_view(finding.text)},
                                     std::pair{"remedy", std::string_view(finding.remedy)}}) {
      out.key(key);
      out.string(value);
    }
    out.end_object();
  }
  out.end_array();
  return text + "\n";
}

int exit_code_of(const Findings& findings) {
  return std::ranges::find(findings, Level::kError, &Finding::level) == findings.end() ? 0 : 1;
}

Findings judge_redis(const std::string& info) {
  Findings findings;
  const std::string version = fact(info, "redis_version");
  findings.push_back({Level::kGood, "version", "Redis " + version, {}});
  if (number(version) < kRedisMajorLeast) {
    findings.back() = {Level::kWarning, "version", "Redis " + version + " knows no ACL users",
                       "take Redis 7 or later"};
  }
  const std::string policy = fact(info, "maxmemory_policy");
  const bool is_bounded = number(fact(info, "maxmemory")) > 0;
  if (policy != "noeviction" && is_bounded) {
    findings.push_back({Level::kError, "memory",
                        "maxmemory-policy is " + policy +
                            ": Redis may drop registrations, limits and cached events",
                        "CONFIG SET maxmemory-policy noeviction, and in redis.conf"});
  } else if (policy != "noeviction") {
    findings.push_back({Level::kWarning, "memory",
                        "maxmemory-policy is " + policy + ", without effect while maxmemory is 0",
                        "set maxmemory-policy noeviction before a maxmemory"});
  } else {
    findings.push_back({Level::kGood, "memory", "maxmemory-policy is noeviction", {}});
  }
  if (const std::string role = fact(info, "role"); role == "slave") {
    findings.push_back({Level::kError, "role", "this Redis is a replica and takes no writes",
                        "name its primary, or its Sentinels"});
  }
  return findings;
}

Finding judge_clock(std::int64_t difference_ms) {
  const std::int64_t size = std::abs(difference_ms);
  const std::string text = "this machine's clock is " + std::to_string(size) + " ms " +
                           (difference_ms < 0 ? "behind" : "ahead of") + " the broker's";
  if (size < kClockWarningMs) return {Level::kGood, "clock", text, {}};
  return {size < kClockErrorMs ? Level::kWarning : Level::kError, "clock", text,
          "nodes trust no clock for leases, but signatures of requests and logs do: run chrony or "
          "systemd-timesyncd on both"};
}

Findings judge_nats(const std::string& line) {
  constexpr std::string_view kBegin = "INFO ";
  json::Parser parser(1 << 20);
  if (!line.starts_with(kBegin)) {
    return {{Level::kError, "version", "what answers there is no NATS server",
             "correct adapter.nats.servers"}};
  }
  const auto info = parser.parse(std::string_view(line).substr(kBegin.size()));
  if (!info) {
    return {{Level::kError, "version", "the server's INFO is not JSON", "look at its log"}};
  }
  const auto text = [&info](std::string_view name) {
    const auto member = info.value().member(name);
    return std::string(member ? member->as_string().value_or("") : "");
  };
  const auto member = [&info](std::string_view name) { return info.value().member(name); };
  Findings findings = {{Level::kGood, "version", "NATS " + text("version"), {}}};
  const auto stream = member("jetstream");
  if (stream && stream->as_bool().value_or(false)) {
    findings.push_back({Level::kGood, "jetstream", "the server has JetStream", {}});
  } else {
    findings.push_back({Level::kWarning, "jetstream",
                        "the server has no JetStream: nodes share nothing but messages",
                        "start it with -js, or `jetstream {}` in its configuration"});
  }
  const auto payload = member("max_payload");
  const std::uint64_t bytes = payload ? payload->as_uint().value_or(0) : 0;
  if (bytes < kNatsPayloadLeast) {
    findings.push_back({Level::kWarning, "payload",
                        "max_payload is " + std::to_string(bytes) +
                            " bytes: larger events reach only the clients of their own node",
                        "raise max_payload to 1MB or more"});
  }
  return findings;
}

Finding judge_descriptors(std::uint64_t soft, std::uint64_t wanted_connections) {
  const std::string text = "this process may open " + std::to_string(soft) + " files";
  if (wanted_connections > 0 && soft < wanted_connections + kDescriptorsBeside) {
    return {Level::kError, "files",
            text + ", fewer than max_connections (" + std::to_string(wanted_connections) +
                ") and the rest need",
            "LimitNOFILE= in the unit, or ulimit -n"};
  }
  if (soft < kDescriptorsFew) {
    return {Level::kWarning, "files", text + ", which is about as many clients",
            "LimitNOFILE=1048576 in the unit, or ulimit -n"};
  }
  return {Level::kGood, "files", text, {}};
}

}  // namespace mr::app
