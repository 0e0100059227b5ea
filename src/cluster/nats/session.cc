#include "cluster/nats/session.h"

#include <nats/nats.h>

#include <array>
#include <vector>

#include "base/kept.h"
#include "cluster/nats/error_text.h"
#include "cluster/nats/handshake_limit.h"

namespace mr::cluster::nats {
namespace {

// A write that waits longer is one to a server that hangs.
constexpr std::int64_t kWriteDeadlineMs = 500;

std::int64_t milliseconds(base::Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

struct Freeing {
  void operator()(natsOptions* options) const { natsOptions_Destroy(options); }
  void operator()(natsMsg* message) const { natsMsg_Destroy(message); }
};
using OptionsPointer = std::unique_ptr<natsOptions, Freeing>;

using MessagePointer = std::unique_ptr<natsMsg, Freeing>;

std::string_view bytes_of(natsMsg* message) {
  return {natsMsg_GetData(message), static_cast<std::size_t>(natsMsg_GetDataLength(message))};
}

struct Delivery {
  Session::OnMessage call;
  std::shared_ptr<void> lease;
};

// libnats calls these one after another on one thread, and `ended` last.
struct Calls {
  static void error(natsConnection* connection, natsSubscription*, natsStatus status, void* to) {
    auto& reports = *static_cast<Session::Reports*>(to);
    if (status == NATS_SLOW_CONSUMER) return reports.on_slow();
    const char* text = nullptr;
    natsConnection_GetLastError(connection, &text);
    reports.on_error(text != nullptr ? text : natsStatus_GetText(status));
  }
  static void ended(natsConnection*, void* to) {
    const std::unique_ptr<Session::Reports> reports(static_cast<Session::Reports*>(to));
    reports->on_ended();
  }
  static void message(natsConnection*, natsSubscription*, natsMsg* message, void* to) {
    const MessagePointer owner(message);
    static_cast<Delivery*>(to)->call(natsMsg_GetSubject(message), bytes_of(message));
  }
  static void complete(void* to) { delete static_cast<Delivery*>(to); }
};

// With Debian's build hosts are checked too, addresses among them.
natsStatus secure(natsOptions* raw, const tls::ClientOptions& tls) {
  limit_handshakes();
  natsStatus status = natsOptions_SetSecure(raw, true);
  const auto set = [&status](natsStatus next) { status = status == NATS_OK ? next : status; };
  if (!tls.verifies) set(natsOptions_SkipServerVerification(raw, true));
  if (!tls.ca_file.empty()) {
    set(natsOptions_LoadCATrustedCertificates(raw, tls.ca_file.c_str()));
  }
  if (!tls.cert_file.empty()) {
    set(natsOptions_LoadCertificatesChain(raw, tls.cert_file.c_str(), tls.key_file.c_str()));
  }
  if (!tls.server_name.empty()) {
    set(natsOptions_SetExpectedHostname(raw, tls.server_name.c_str()));
  }
  return status;
}

natsStatus make(const NatsOptions& options, Session::Reports* reports, OptionsPointer& result) {
  natsOptions* raw = nullptr;
  natsStatus status = natsOptions_Create(&raw);
  result.reset(raw);
  const auto set = [&status](natsStatus next) { status = status == NATS_OK ? next : status; };
  std::vector<std::string> urls;
  for (const std::string& server : options.servers) urls.push_back("nats://" + server);
  std::vector<const char*> servers;
  for (const std::string& url : urls) servers.push_back(url.c_str());
  set(natsOptions_SetServers(raw, servers.data(), static_cast<int>(servers.size())));
  if (!options.token.empty()) set(natsOptions_SetToken(raw, options.token.c_str()));
  if (!options.username.empty()) {
    set(natsOptions_SetUserInfo(raw, options.username.c_str(), options.password.c_str()));
  }
  if (!options.client_name.empty()) set(natsOptions_SetName(raw, options.client_name.c_str()));
  set(natsOptions_SetTimeout(raw, milliseconds(options.connect_timeout)));
  set(natsOptions_SetAllowReconnect(raw, false));
  // Our own probes go through the subjects.
  set(natsOptions_SetPingInterval(raw, 0));
  set(natsOptions_SetWriteDeadline(raw, kWriteDeadlineMs));
  // Its other way waits a millisecond for more.
  set(natsOptions_SetSendAsap(raw, true));
  set(natsOptions_UseGlobalMessageDelivery(raw, true));
  set(natsOptions_SetErrorHandler(raw, &Calls::error, reports));
  set(natsOptions_SetClosedCB(raw, &Calls::ended, reports));
  if (options.tls.is_on && status == NATS_OK) set(secure(raw, options.tls));
  return status;
}

}  // namespace

base::Result<std::unique_ptr<Session>, Session::Errc> Session::connect(const NatsOptions& options,
                                                                       Reports reports) {
  const std::shared_ptr<void> lease = reports.lease;
  auto owned = std::make_unique<Reports>(std::move(reports));
  OptionsPointer with;
  natsConnection* connection = nullptr;
  natsStatus status = make(options, owned.get(), with);
  if (status == NATS_OK) status = natsConnection_Connect(&connection, with.get());
  if (status != NATS_OK) {
    const char* const error = nats_GetLastError(nullptr);
    return base::Error<Errc>{Errc::kConnect,
                             explain_connect(status, error != nullptr ? error : "", options)};
  }
  owned.release();  // Calls::ended has it
  std::array<char, 256> url{};
  natsConnection_GetConnectedUrl(connection, url.data(), url.size());
  std::string where(url.data());
  if (const auto scheme = where.find("://"); scheme != where.npos) where.erase(0, scheme + 3);
  return std::unique_ptr<Session>(new Session(connection, std::move(where), lease));
}

Session::~Session() { natsConnection_Destroy(connection_); }

std::size_t Session::payload_bytes_max() const {
  const std::int64_t bytes = natsConnection_GetMaxPayload(connection_);
  return bytes > 0 ? static_cast<std::size_t>(bytes) : SIZE_MAX;
}

Session::Sent Session::publish(const std::string& subject, std::string_view bytes) {
  const natsStatus status = natsConnection_Publish(connection_, subject.c_str(), bytes.data(),
                                                   static_cast<int>(bytes.size()));
  if (status == NATS_OK) return Sent::kYes;
  return status == NATS_MAX_PAYLOAD ? Sent::kTooLarge : Sent::kBroken;
}

Session::Sent Session::publish(const Outgoing& outgoing) {
  natsMsg* raw = nullptr;
  natsStatus status = natsMsg_Create(
      &raw, outgoing.subject.c_str(), outgoing.reply.empty() ? nullptr : outgoing.reply.c_str(),
      outgoing.bytes.data(), static_cast<int>(outgoing.bytes.size()));
  const MessagePointer message(raw);
  for (const auto& [name, value] : outgoing.headers) {
    if (status == NATS_OK) status = natsMsgHeader_Set(raw, name.c_str(), value.c_str());
  }
  if (status == NATS_OK) status = natsConnection_PublishMsg(connection_, raw);
  if (status == NATS_OK) return Sent::kYes;
  return status == NATS_MAX_PAYLOAD ? Sent::kTooLarge : Sent::kBroken;
}

base::Result<std::string, Session::AskErrc> Session::ask(const std::string& subject,
                                                         std::string_view bytes,
                                                         base::Duration patience) {
  natsMsg* raw = nullptr;
  const natsStatus status =
      natsConnection_Request(&raw, connection_, subject.c_str(), bytes.data(),
                             static_cast<int>(bytes.size()), milliseconds(patience));
  const MessagePointer message(raw);
  if (status == NATS_OK) return std::string(bytes_of(raw));
  if (status == NATS_TIMEOUT) return base::Error<AskErrc>{AskErrc::kTimeout, {}};
  if (status == NATS_NO_RESPONDERS) return base::Error<AskErrc>{AskErrc::kNoResponder, {}};
  return base::Error<AskErrc>{AskErrc::kBroken, natsStatus_GetText(status)};
}

bool Session::is_answering(base::Duration patience) {
  return natsConnection_FlushTimeout(connection_, milliseconds(patience)) == NATS_OK;
}

Session::Subscription Session::subscribe(const std::string& subject, OnMessage on_message) {
  auto owned = std::make_unique<Delivery>(Delivery{std::move(on_message), lease_});
  natsSubscription* subscription = nullptr;
  if (natsConnection_Subscribe(&subscription, connection_, subject.c_str(), &Calls::message,
                               owned.get()) != NATS_OK) {
    return {};
  }
  Delivery* const given = owned.release();
  if (natsSubscription_SetOnCompleteCB(subscription, &Calls::complete, given) != NATS_OK) {
    // The connection ended in between: whether a call is under way cannot be known. A few bytes,
    // once in the life of a connection.
    given->lease.reset();
    base::keep_for_ever(std::shared_ptr<Delivery>(given));
  }
  return Subscription(subscription);
}

Session::Subscription::~Subscription() {
  if (subscription_ != nullptr) natsSubscription_Destroy(subscription_);
}

}  // namespace mr::cluster::nats
