#include "pusher/rest_auth.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/percent.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace mr::pusher {
namespace {

base::Error<AuthErrc> refuse(AuthErrc code, std::string detail) {
  return {code, std::move(detail)};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower_case(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::int64_t unix_seconds(base::WallTime now) { return base::unix_ms(now) / 1000; }

// What the query says about its own authenticity; null: not given.
struct Proof {
  const std::string* key = nullptr;
  const std::string* timestamp = nullptr;
  const std::string* version = nullptr;
  const std::string* body_md5 = nullptr;
  const std::string* signature = nullptr;

  const std::string** slot(std::string_view name) {
    if (name == "auth_key") return &key;
    if (name == "auth_timestamp") return &timestamp;
    if (name == "auth_version") return &version;
    if (name == "body_md5") return &body_md5;
    if (name == "auth_signature") return &signature;
    return nullptr;
  }
};

base::Result<Proof, AuthErrc> read_proof(const RestRequest& request) {
  Proof proof;
  for (const auto& [name, value] : request.parameters) {
    const std::string** slot = proof.slot(lower_case(name));
    if (slot == nullptr) continue;
    if (*slot != nullptr) {
      return refuse(AuthErrc::kParameterRepeated,
                    "the query parameter " + name + " is there twice; send it once");
    }
    *slot = &value;
  }
  for (const char* name : {"auth_key", "auth_timestamp", "auth_version", "auth_signature"}) {
    if (*proof.slot(name) == nullptr) {
      return refuse(AuthErrc::kParameterMissing, "the query parameter " + std::string(name) +
                                                     " is missing; sign the request with the "
                                                     "app's key and secret");
    }
  }
  if (!request.body.empty() && proof.body_md5 == nullptr) {
    return refuse(AuthErrc::kParameterMissing,
                  "the query parameter body_md5 is missing; a request with a body needs its MD5 "
                  "in lower-case hex");
  }
  return proof;
}

std::optional<base::Error<AuthErrc>> check_timestamp(const std::string& text, base::WallTime now) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  // Far values are refused before they are subtracted.
  constexpr std::int64_t kFar = 1LL << 50;
  if (error != std::errc{} || end != text.data() + text.size() || seconds < 0 || seconds > kFar) {
    return refuse(AuthErrc::kTimestamp,
                  "auth_timestamp is not a time in seconds since 1970; send the current one");
  }
  const std::int64_t skew = seconds - unix_seconds(now);
  if (skew >= -kTimestampWindowSeconds && skew <= kTimestampWindowSeconds) return std::nullopt;
  return refuse(AuthErrc::kTimestamp,
                "auth_timestamp " + text + " is " + std::to_string(skew < 0 ? -skew : skew) +
                    " s " + (skew < 0 ? "behind" : "ahead of") + " the server's clock, at most " +
                    std::to_string(kTimestampWindowSeconds) +
                    " s are allowed; sign again, or set the clock of the sender");
}

}  // namespace

const std::string* find_parameter(const Parameters& parameters, std::string_view name) {
  for (const auto& [known, value] : parameters) {
    if (known == name) return &value;
  }
  return nullptr;
}

std::string rest_string_to_sign(const RestRequest& request) {
  std::vector<std::pair<std::string, std::string_view>> sorted;
  sorted.reserve(request.parameters.size());
  for (const auto& [name, value] : request.parameters) {
    std::string key = lower_case(name);
    if (key != "auth_signature") sorted.emplace_back(std::move(key), value);
  }
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out(request.method);
  out += '\n';
  out += request.path;
  char before = '\n';
  if (sorted.empty()) out += before;
  for (const auto& [name, value] : sorted) {
    out += before;
    out += name;
    out += '=';
    out += value;
    before = '&';
  }
  return out;
}

namespace {

base::Result<Proof, AuthErrc> check_proof(const model::App& app, crypto::HmacSha256& hmac,
                                          const RestRequest& request, base::WallTime now) {
  auto proof = read_proof(request);
  if (!proof) return proof.error();
  const Proof& given = proof.value();
  if (*given.version != "1.0") {
    return refuse(AuthErrc::kVersion, "auth_version is not 1.0; send auth_version=1.0");
  }
  if (*given.key != app.options.key) {
    return refuse(AuthErrc::kKey, "auth_key is not the key of app " + app.options.id +
                                      "; send the key that belongs to the app in the path");
  }
  if (auto late = check_timestamp(*given.timestamp, now)) return std::move(*late);
  // The signature goes first: a forged request must not cost the digest of a large body.
  if (!crypto::equal_constant_time(*given.signature, hmac.sign_hex(rest_string_to_sign(request)))) {
    return refuse(AuthErrc::kSignature,
                  "auth_signature is not the signature of this request; sign \"" +
                      std::string(request.method) + "\\n" + std::string(request.path) +
                      "\\n<sorted query>\" with the secret of app " + app.options.id);
  }
  return proof;
}

}  // namespace

base::Result<base::Done, AuthErrc> check_rest_head(const model::App& app, crypto::HmacSha256& hmac,
                                                   const RestRequest& request, base::WallTime now) {
  const auto proof =
      check_proof(app, hmac, {request.method, request.path, request.parameters, {}}, now);
  if (!proof) return proof.error();
  return base::Done{};
}

base::Result<base::Done, AuthErrc> check_rest(const model::App& app, crypto::HmacSha256& hmac,
                                              const RestRequest& request, base::WallTime now) {
  const auto proof = check_proof(app, hmac, request, now);
  if (!proof) return proof.error();
  const Proof& given = proof.value();
  if (given.body_md5 != nullptr &&
      !crypto::equal_constant_time(*given.body_md5, crypto::md5_hex(request.body))) {
    return refuse(AuthErrc::kBodyMd5, "body_md5 is not the MD5 of the body of " +
                                          std::to_string(request.body.size()) +
                                          " bytes; send the lower-case hex MD5 of the exact bytes");
  }
  return base::Done{};
}

std::string sign_rest_path(const model::App& app, crypto::HmacSha256& hmac,
                           const RestRequest& request, base::WallTime now) {
  Parameters all = request.parameters;
  all.emplace_back("auth_key", app.options.key);
  all.emplace_back("auth_timestamp", std::to_string(unix_seconds(now)));
  all.emplace_back("auth_version", "1.0");
  if (!request.body.empty()) all.emplace_back("body_md5", crypto::md5_hex(request.body));
  const RestRequest complete{request.method, request.path, all, request.body};
  std::string out(request.path);
  char before = '?';
  all.emplace_back("auth_signature", hmac.sign_hex(rest_string_to_sign(complete)));
  for (const auto& [name, value] : all) {
    out += before;
    out += base::percent_encode(name);
    out += '=';
    out += base::percent_encode(value);
    before = '&';
  }
  return out;
}

}  // namespace mr::pusher
