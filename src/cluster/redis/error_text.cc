#include "cluster/redis/error_text.h"

#include <algorithm>
#include <array>

#include "cluster/redis/channel_names.h"
#include "cluster/store.h"

namespace mr::cluster::redis {
namespace {

constexpr std::size_t kErrorBytesMax = 200;

struct Remedy {
  std::string_view begins;  // the error's text
  std::string_view advice;
};

constexpr std::array kRemedies{
    Remedy{"NOAUTH", "it wants a password: set database.redis.password"},
    Remedy{"WRONGPASS",
           "user name or password is wrong: correct database.redis.username and "
           "database.redis.password"},
    Remedy{"ERR invalid password", "the password is wrong: correct database.redis.password"},
    Remedy{"ERR AUTH",
           "it has no password: leave database.redis.password empty, or set requirepass there"},
    Remedy{"ERR Client sent AUTH",
           "it has no password: leave database.redis.password empty, or set requirepass there"},
    Remedy{"ERR wrong number of arguments for 'auth'",
           "it knows no user names (before Redis 6): leave database.redis.username empty"},
    Remedy{"LOADING", "it loads its data and is tried again until it has"},
    Remedy{"READONLY", "it is a replica: set database.redis.host to its primary"},
    Remedy{"MASTERDOWN", "it is a replica that lost its primary: start the primary"},
    Remedy{"ERR DB index",
           "there is no such database: lower database.redis.db, or raise "
           "`databases` there"},
    Remedy{"ERR invalid DB",
           "there is no such database: lower database.redis.db, or raise "
           "`databases` there"},
    Remedy{"ERR SELECT is not allowed", "it is a Redis Cluster: set database.redis.db to 0"},
    Remedy{"ERR max number of clients", "raise maxclients there"},
    Remedy{"DENIED", "it is in protected mode: give it a password, or bind it to this network"},
    Remedy{"OOM", "it is full: raise maxmemory there"},
    Remedy{"MISCONF", "it cannot save its data: look at its log and its disk"},
    Remedy{"CLUSTERDOWN", "its cluster is not whole: start the missing primaries"},
};

// Redis repeats the arguments of commands that it does not know.
std::string shown(std::string_view error, const RedisOptions& options) {
  error = error.substr(0, std::min(error.find(", with args"), kErrorBytesMax));
  if (!options.password.empty() && error.find(options.password) != std::string_view::npos) {
    error = error.substr(0, error.find(' '));
    if (error.find(options.password) != std::string_view::npos) error = {};
  }
  std::string text(error);
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  return text;
}

// Logins of sentinels have keys of their own.
void name_keys_of_sentinel(std::string& advice) {
  constexpr std::string_view kSection = "database.redis.";
  for (const std::string_view name : {"username", "password"}) {
    const std::string key = std::string(kSection).append(name);
    for (std::size_t at = 0; (at = advice.find(key, at)) != advice.npos; ++at) {
      advice.insert(at + kSection.size(), "sentinel_");
    }
  }
}

std::string advice_for(std::string_view error, const RedisOptions& options) {
  // In scripts before Redis 7.2 it is a plain error.
  const bool is_forbidden = error.starts_with("NOPERM") ||
                            error.find("The user executing the script can't") != error.npos;
  if (is_forbidden) {
    return "its ACL user may not do that; what is needed: " + acl_line(options);
  }
  const auto found = std::find_if(kRemedies.begin(), kRemedies.end(),
                                  [error](const Remedy& r) { return error.starts_with(r.begins); });
  std::string advice(found != kRemedies.end() ? found->advice : "look at the log of that Redis");
  if (options.address_source == AddressSource::kSentinelList) name_keys_of_sentinel(advice);
  return advice;
}

}  // namespace

std::string explain(std::string_view where, std::string_view command, std::string_view error,
                    const RedisOptions& options) {
  std::string text(where);
  text.append(" answers ").append(command).append(" with \"").append(shown(error, options));
  return text.append("\": ").append(advice_for(error, options));
}

std::string address_remedy(const RedisOptions& options) {
  if (!options.sentinel.servers.empty()) return "start it, or let the sentinels elect another one";
  if (options.address_source == AddressSource::kSentinelList) {
    return "start it, or correct database.redis.sentinels";
  }
  if (options.address_source == AddressSource::kNodes) {
    return "start it, or correct adapter.cluster.nodes";
  }
  return "start it, or correct database.redis.host and database.redis.port";
}

std::string acl_line(const RedisOptions& options) {
  const std::string user = options.username.empty() ? "millrace" : options.username;
  std::string line = "ACL SETUSER " + user + " on >PASSWORD resetchannels &" +
                     ChannelNames(options).base() + "* ~" + options.prefix + ":nodes";
  for (std::size_t space = 0; space < kSpaces; ++space) {
    line.append(" ~").append(options.prefix).append(":");
    line.append(name_of(static_cast<Space>(space))).append(":*");
  }
  line.append(" ~").append(options.prefix).append(":delta_count:*");
  line.append(
      " +publish +subscribe +unsubscribe +ping +select +client|setname +info +eval +hset +hgetall "
      "+hdel +pexpire +time +get +getrange +set +del +scan +pttl");
  if (!options.sentinel.servers.empty()) line.append(" +role");
  if (!options.cluster_nodes.empty()) {
    line.append(" +spublish +ssubscribe +sunsubscribe +cluster|info +cluster|slots +asking");
  }
  return line;
}

}  // namespace mr::cluster::redis
