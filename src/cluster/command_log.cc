#include "cluster/command_log.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/planted.h"

namespace mr::cluster {
namespace {

constexpr base::Duration kRetry = std::chrono::milliseconds(250);
const RecordKey kKey{Space::kState, "commands"};
const RecordKey kNothing{Space::kState, "nothing"};  // is never written

}  // namespace

CommandLog::CommandLog(net::Loop& loop, Store& store, std::string_view secret,
                       CommandEvents& events)
    : loop_(loop), store_(store), events_(events), codec_(secret), clock_(loop.clock()) {}

CommandLog::~CommandLog() { loop_.cancel(timer_); }

void CommandLog::issue(CommandKind kind, std::string app_id, std::string user_id) {
  Command command{loop_.random().next(), clock_.next(), kind, std::move(app_id),
                  std::move(user_id)};
  ++counters_.issued;
  known_[command.id] = command;
  forget_old();
  events_.tell({{std::move(command)}});
  read();
}

void CommandLog::hear(const CommandMessage& message) {
  for (const Command& command : message.commands) learn(command);
}

// True: it is news.
bool CommandLog::learn(const Command& command) {
  clock_.observe(command.time);
  const base::Duration age = clock_.since(command.time);
  if (age >= kLife || !known_.try_emplace(command.id, command).second) return false;
  if (command.kind != CommandKind::kTerminateUser) {
    ++counters_.unknown_kind;
  } else {
    ++counters_.obeyed;
    events_.on_command(command, MR_PLANTED("replay_closes_newer") ? base::Duration{} : age);
  }
  return true;
}

void CommandLog::forget_old() {
  std::erase_if(known_,
                [this](const auto& entry) { return clock_.since(entry.second.time) >= kLife; });
  while (known_.size() > kCommandsMax) {
    ++counters_.forgotten;
    known_.erase(
        std::ranges::min_element(known_, {}, [](const auto& entry) { return entry.second.time; }));
  }
}

std::uint64_t CommandLog::digest() {
  forget_old();
  std::uint64_t digest = 0;
  for (const auto& [id, command] : known_) digest ^= id;
  return digest;
}

void CommandLog::compare(std::uint64_t digest) {
  if (digest != this->digest()) read();
}

// --- the record --------------------------------------------------------------------------------

void CommandLog::read() {
  is_wanted_ = true;
  if (!is_busy_ && timer_ == net::TimerId::kNone) exchange();
}

void CommandLog::look() {
  store_.read(kNothing, [this](const StoreAnswer& answer) {
    if (answer.kind != StoreAnswer::Kind::kDone) return;
    const StoreLife before = std::exchange(life_, answer.life);
    if (before == answer.life || before == StoreLife::kNone) return;
    read();
    events_.on_store_renewed();
  });
}

void CommandLog::exchange() {
  is_wanted_ = false;
  is_busy_ = true;
  store_.read(kKey, [this](const StoreAnswer& answer) { on_log(answer); });
}

void CommandLog::on_log(const StoreAnswer& answer) {
  if (answer.kind != StoreAnswer::Kind::kDone) return end(false);
  std::size_t there = 0;
  for (const Command& command : decode(answer.value)) {
    if (MR_PLANTED("control_log_not_replayed")) {
      known_.try_emplace(command.id, command);
    } else if (learn(command)) {
      ++counters_.from_log;
    }
    there += known_.contains(command.id) ? 1 : 0;
  }
  is_read_ = true;
  forget_old();
  if (known_.size() <= there) return end(true);
  counters_.written_back += known_.size() - there;
  write(answer.revision);
}

// Nothing when it is absent or damaged: then it is written anew.
std::vector<Command> CommandLog::decode(const std::string& value) {
  if (value.empty()) return {};
  auto decoded = codec_.decode(value);
  CommandMessage* const log =
      decoded ? std::get_if<CommandMessage>(&decoded.value().message) : nullptr;
  return log == nullptr ? std::vector<Command>{} : std::move(log->commands);
}

void CommandLog::write(Revision expected) {
  CommandMessage log;
  for (const auto& [id, command] : known_) log.commands.push_back(command);
  Envelope envelope;
  envelope.from = BootId{1};  // of no node: it is everybody's
  envelope.message = std::move(log);
  store_.write(kKey, codec_.encode(envelope), expected, [this](const StoreAnswer& answer) {
    // Another node wrote: its commands belong there too.
    if (answer.kind == StoreAnswer::Kind::kConflict) return exchange();
    end(answer.kind == StoreAnswer::Kind::kDone);
  });
}

void CommandLog::end(bool is_done) {
  is_busy_ = false;
  if (!is_done) {
    ++counters_.unanswered;
    is_wanted_ = true;
  }
  if (!is_wanted_) return;
  timer_ = loop_.after(kRetry, [this] {
    timer_ = net::TimerId::kNone;
    if (store_.problem().empty()) return exchange();
    end(false);
  });
}

}  // namespace mr::cluster
