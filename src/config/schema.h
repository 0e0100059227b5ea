#pragma once

#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "config/value.h"

namespace mr::config {

enum class Unit : std::uint8_t { kNone, kBytes, kKilobytes, kMegabytes, kMilliseconds, kSeconds };
enum class Change : std::uint8_t { kRestart, kLive };
enum class Since : std::uint8_t {
  kAvailable,
  kLater,  // accepted with one warning: the feature is not there yet
  kInert,  // accepted with one warning: a peer's key that this server has no use for
};

// One row of the schema: everything that validation, --help, the reference page, `config show` and
// completion know of a key.
struct Key {
  std::string_view path;  // "metrics.port", "apps[].secret", "database" for a subtree
  Type type = Type::kText;
  std::string_view text;          // one sentence
  std::string_view aliases;       // other paths, separated by spaces
  std::string_view env;           // short environment names, strongest first, separated by spaces
  std::string_view flag;          // "--port" or empty
  std::string_view choices;       // "close drop_oldest"
  std::string_view default_text;  // when the default is not the member's own
  Unit unit = Unit::kNone;
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  Change change = Change::kRestart;
  Since since = Since::kAvailable;
  bool secret = false;
  void (*set)(Settings&, const Value&) = nullptr;
  Value (*get)(const Settings&) = nullptr;
  void (*set_app)(model::AppOptions&, const Value&) = nullptr;  // apps[].*
  Value (*get_app)(const model::AppOptions&) = nullptr;

  bool is_app_key() const { return path.starts_with("apps[]."); }
};

// The whole table, in the order of the reference page. Lives as long as the program; any thread.
std::span<const Key> all_keys();

// The key of a path or alias; a subtree's key for everything below it; null when unknown.
const Key* find_key(std::string_view path);
// The same for a member of an app: the flat form ("max_connections") or the policy form
// ("policy.limits.max_connections").
const Key* find_app_key(std::string_view member);
const Key* find_env(std::string_view short_name);
const Key* find_flag(std::string_view flag);
// "local", "redis", "nats".
std::string driver_name(const Settings& settings);
// True when keys or aliases lie below the path: "metrics".
bool is_section(std::string_view path);

// The nearest known path, or empty when nothing is near.
std::string suggest_key(std::string_view path);
std::string suggest_app_key(std::string_view member);
std::string suggest_flag(std::string_view flag);

std::string default_of(const Key& key);
std::string_view type_name(Type type);
std::string_view unit_name(Unit unit);
std::vector<std::string_view> words(std::string_view separated_by_spaces);

// The parts of the table, one per source file, for all_keys() only.
std::vector<Key> node_keys();
std::vector<Key> limit_keys();
std::vector<Key> delta_keys();
std::vector<Key> app_keys();
std::vector<Key> cluster_keys();
std::vector<Key> redis_keys();      // part of cluster_keys()
std::vector<Key> redis_tls_keys();  // part of redis_keys()
std::vector<Key> nats_tls_keys();   // part of cluster_keys()
std::vector<Key> later_keys();

}  // namespace mr::config
