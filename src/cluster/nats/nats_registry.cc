#include "cluster/nats/nats_registry.h"

#include <nats/nats.h>

#include <charconv>
#include <optional>
#include <utility>

#include "cluster/nats/kv_names.h"
#include "cluster/nats/session.h"
#include "net/system_clock.h"

namespace mr::cluster::nats {
namespace {

constexpr std::int64_t kLineLifeNs = 15'000'000'000;
constexpr std::int64_t kCallMs = 1000;
// A store that is not there is looked for again after so long: its silence may cost a second.
constexpr auto kLookAgain = std::chrono::seconds(10);

std::string key_of(BootId boot) { return std::to_string(static_cast<std::uint64_t>(boot)); }

}  // namespace

struct NatsRegistry::Answer {
  std::optional<Lines> lines{};
  std::string missing{};  // why there is no store
  std::string problem{};  // why there is no answer
};

// The worker's, and its last owner's.
class NatsRegistry::Store {
 public:
  explicit Store(NatsOptions options) : options_(std::move(options)) {}
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  ~Store() { close(); }

  Answer beat(BootId boot, const std::string& name) {
    if (!missing_.empty() && clock_.now() - looked_ < kLookAgain) return alone(boot);
    if (session_ && natsConnection_IsClosed(session_->raw())) close();
    if (!session_) {
      auto session = Session::connect(options_, {[] {}, [](std::string) {}, [] {}});
      if (!session) return {.problem = session.error().detail};
      session_ = std::move(session).value();
    }
    missing_.clear();
    looked_ = clock_.now();
    natsStatus status = bucket_ != nullptr ? NATS_OK : open_bucket();
    if (status == NATS_OK) {
      status = kvStore_PutString(nullptr, bucket_, key_of(boot).c_str(), name.c_str());
    }
    Lines lines;
    if (status == NATS_OK) status = read(lines);
    if (status == NATS_OK) return {std::move(lines), {}};
    // Who answers, but not for its store, has none.
    if (natsConnection_FlushTimeout(session_->raw(), kCallMs / 2) != NATS_OK) {
      close();
      return {};
    }
    missing_ = "NATS at " + session_->where() + " has no JetStream for the bucket " +
               bucket_of(options_.prefix) + " (" + natsStatus_GetText(status) +
               "): nodes find each other by their heartbeats alone; start it with -js, and allow "
               "$JS.API.> and $KV.> to this user";
    close();
    return alone(boot);
  }

  void leave(BootId boot) {
    if (bucket_ != nullptr) kvStore_Purge(bucket_, key_of(boot).c_str(), nullptr);
  }

 private:
  Answer alone(BootId boot) const { return {.lines = Lines{boot}, .missing = missing_}; }

  natsStatus open_bucket() {
    jsOptions with;
    natsStatus status = jsOptions_Init(&with);
    with.Wait = kCallMs;
    if (status == NATS_OK) status = natsConnection_JetStream(&stream_, session_->raw(), &with);
    const std::string name = bucket_of(options_.prefix);
    if (status == NATS_OK) status = js_KeyValue(&bucket_, stream_, name.c_str());
    if (status != NATS_NOT_FOUND) return status;
    // Three copies where there are three servers.
    for (const int replicas : {3, 1}) {
      kvConfig config;
      kvConfig_Init(&config);
      config.Bucket = name.c_str();
      config.History = 1;
      config.TTL = kLineLifeNs;
      config.StorageType = js_MemoryStorage;
      config.Replicas = replicas;
      status = js_CreateKeyValue(&bucket_, stream_, &config);
      if (status == NATS_OK) break;
    }
    // Another node may have been faster.
    return status == NATS_OK ? status : js_KeyValue(&bucket_, stream_, name.c_str());
  }

  natsStatus read(Lines& lines) {
    kvWatchOptions with;
    kvWatchOptions_Init(&with);
    with.Timeout = kCallMs;
    kvKeysList keys{};
    const natsStatus status = kvStore_Keys(&keys, bucket_, &with);
    for (int i = 0; i < keys.Count; ++i) {
      const std::string_view text(keys.Keys[i]);
      std::uint64_t number = 0;
      const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
      if (end == text.data() + text.size() && number != 0) lines.push_back(BootId{number});
    }
    kvKeysList_Destroy(&keys);
    return status;
  }

  void close() {
    kvStore_Destroy(std::exchange(bucket_, nullptr));
    jsCtx_Destroy(std::exchange(stream_, nullptr));
    session_.reset();
  }

  const NatsOptions options_;
  const net::SystemClock clock_;
  std::unique_ptr<Session> session_;
  jsCtx* stream_ = nullptr;
  kvStore* bucket_ = nullptr;
  std::string missing_;
  base::TimePoint looked_{};
};

NatsRegistry::NatsRegistry(net::Loop& loop, net::Worker& worker, NatsOptions options,
                           OnMissing on_missing)
    : loop_(loop),
      worker_(worker),
      on_missing_(std::move(on_missing)),
      store_(std::make_shared<Store>(std::move(options))) {}

NatsRegistry::~NatsRegistry() {
  *alive_ = false;
  // Closing may wait for the server.
  worker_.submit([store = std::exchange(store_, nullptr)] {}, loop_, nullptr);
}

void NatsRegistry::beat(BootId boot, std::string_view name,
                        base::Function<void(const Lines*)> done) {
  if (done_) return done(nullptr);
  done_ = std::move(done);
  auto answer = std::make_shared<Answer>();
  worker_.submit([store = store_, answer, boot,
                  name = std::string(name)] { *answer = store->beat(boot, name); },
                 loop_,
                 [this, alive = alive_, answer] {
                   if (*alive) answered(*answer);
                 });
}

void NatsRegistry::answered(const Answer& answer) {
  problem_ = answer.problem;
  if (answer.lines && answer.missing != missing_) {
    missing_ = answer.missing;
    if (!missing_.empty()) on_missing_(missing_);
  }
  auto done = std::exchange(done_, nullptr);
  done(answer.lines ? &*answer.lines : nullptr);
}

void NatsRegistry::leave(BootId boot) {
  worker_.submit([store = store_, boot] { store->leave(boot); }, loop_, nullptr);
}

std::string NatsRegistry::bucket_of(std::string_view prefix) {
  return bucket_name(prefix, "nodes");
}

}  // namespace mr::cluster::nats
