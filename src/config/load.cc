#include "config/load.h"

#include <algorithm>
#include <cctype>

#include "config/cluster_rules.h"
#include "config/commands.h"
#include "config/coordination_rules.h"
#include "config/delta_patterns.h"
#include "config/layers.h"
#include "config/suggest.h"
#include "config/tls_rules.h"

namespace mr::config {
namespace {

constexpr std::string_view kEnvPrefix = "MILLRACE__";
constexpr int kMetricsPortOffset = 3600;

struct Flag {
  std::string name;  // "--port" or "--set"
  std::string path;
  std::string value;
};

// One load from the arguments to the outcome.
class Loading {
 public:
  explicit Loading(LoadInput input) : input_(std::move(input)) {}

  LoadOutcome run() {
    parse_flags();
    if (!config_path_.empty()) read_config_file();
    read_environment();
    for (const Flag& flag : flags_) {
      layers_.add_text({flag.name == "--set" ? "--set " + flag.path : flag.name}, flag.path,
                       flag.value);
    }
    spread_cluster(layers_);
    for (const auto& [key, assignment] : layers_.values)
      key->set(outcome_.settings, assignment.value);
    take_apps();
    derive();
    check();
    complete_cluster(layers_, outcome_.settings, {input_.hostname, input_.address, input_.process});
    check_broker_files();
    check_coordination(layers_, outcome_.settings);
    list_origins();
    outcome_.config_path = config_path_;
    outcome_.warnings = std::move(layers_.warnings);
    outcome_.errors = std::move(layers_.errors);
    return std::move(outcome_);
  }

 private:
  void parse_flags() {
    for (std::size_t i = 0; i < input_.args.size(); ++i) {
      const std::string& arg = input_.args[i];
      const std::size_t equals = arg.find('=');
      const std::string name = arg == "-c" ? "--config" : arg.substr(0, equals);
      const Key* key = find_flag(name);
      if (key == nullptr && name != "--config" && name != "--set") {
        refuse_argument(arg, name);
        continue;
      }
      std::string value;
      if (equals != std::string::npos) {
        value = arg.substr(equals + 1);
      } else if (i + 1 < input_.args.size()) {
        value = input_.args[++i];
      } else {
        layers_.add_error(name + ": needs a value: " + name + " VALUE");
        continue;
      }
      take_flag(name, key, std::move(value));
    }
  }

  void refuse_argument(const std::string& arg, const std::string& name) {
    if (!arg.starts_with('-')) {
      const std::string near = nearest(arg, command_names());
      layers_.add_error("unexpected argument " + quote(arg) + "; " +
                        (near.empty() ? "" : "did you mean " + near + "? ") +
                        "see millrace --help");
      return;
    }
    const std::string near = suggest_flag(name);
    layers_.add_error("unknown flag " + quote(name) +
                      (near.empty()
                           ? "; see millrace --help; any key can be given as --set key=value"
                           : "; did you mean " + quote(near) + "?"));
  }

  void take_flag(const std::string& name, const Key* key, std::string value) {
    if (name == "--config") {
      if (!config_path_.empty()) layers_.add_error("--config: is given twice; keep one");
      if (value.empty()) layers_.add_error("--config: the file name is empty");
      config_path_ = std::move(value);
      return;
    }
    if (name != "--set") {
      flags_.push_back({name, std::string(key->path), std::move(value)});
      return;
    }
    const std::size_t equals = value.find('=');
    if (equals == std::string::npos || equals == 0) {
      layers_.add_error("--set: " + quote(value) + " must have the form key=value");
      return;
    }
    flags_.push_back({name, value.substr(0, equals), value.substr(equals + 1)});
  }

  void read_config_file() {
    const Source source{config_path_, true};
    auto text = input_.read_file(config_path_);
    if (!text.ok()) {
      layers_.add_error(config_path_ + ": cannot be read: " + text.error().detail +
                        "; correct the path after --config");
      file_failed_ = true;
      return;
    }
    Document document = read_document(text.value());
    if (document.faults.empty()) {
      substitute(document.root, input_.environment, document.faults);
    }
    layers_.add_faults(source, document);
    file_failed_ = !document.faults.empty();
    layers_.add_tree(source, "", document.root, {});
  }

  // Short names first and the weakest of them first, so that MILLRACE__ names win.
  void read_environment() {
    for (const Key& key : all_keys()) {
      auto names = words(key.env);
      std::reverse(names.begin(), names.end());
      for (const std::string_view name : names) {
        const auto at = input_.environment.find(std::string(name));
        if (at == input_.environment.end() || at->second.empty()) continue;
        layers_.add_text({"env " + at->first}, std::string(key.path), at->second);
      }
    }
    for (const auto& [name, value] : input_.environment) {
      if (!name.starts_with(kEnvPrefix)) {
        warn_of_single_underscore(name);
        continue;
      }
      const std::string path = path_of_env(name);
      if (find_key(path) == nullptr && !is_section(path)) {
        const std::string near = suggest_key(path);
        layers_.add_error("env " + name + ": unknown key " + quote(path) +
                          (near.empty() || near.starts_with("apps[]")
                               ? "; see `millrace config docs`"
                               : "; did you mean " + env_of_path(near) + "?"));
      } else if (!value.empty()) {
        layers_.add_text({"env " + name}, path, value);
      }
    }
  }

  // MILLRACE_PORT, when MILLRACE__PORT was meant. Others of this form may be somebody else's, a
  // container platform's for one, so that only what comes near a key is worth a word.
  void warn_of_single_underscore(const std::string& name) {
    constexpr std::string_view kNear = "MILLRACE_";
    if (!name.starts_with(kNear) || find_env(name) != nullptr) return;
    const std::string rest = "MILLRACE__" + name.substr(kNear.size());
    std::string path = path_of_env(rest);
    for (const Key& key : all_keys()) {
      std::string flat(key.path);
      std::replace(flat.begin(), flat.end(), '.', '_');
      if (flat == path) path = key.path;
    }
    if (find_key(path) == nullptr) path = suggest_key(path);
    if (path.empty() || path.find("[]") != std::string::npos) return;
    layers_.warnings.push_back("env " + name + ": has no effect; did you mean " +
                               env_of_path(path) + "?");
  }

  static std::string path_of_env(std::string_view name) {
    std::string path;
    name.remove_prefix(kEnvPrefix.size());
    for (std::size_t i = 0; i < name.size(); ++i) {
      if (name.substr(i, 2) == "__") {
        path += '.';
        ++i;
      } else {
        path += static_cast<char>(std::tolower(static_cast<unsigned char>(name[i])));
      }
    }
    return path;
  }

  static std::string env_of_path(std::string_view path) {
    std::string name(kEnvPrefix);
    for (const char c : path) {
      if (c == '.')
        name += "__";
      else
        name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return name;
  }

  void take_apps() {
    if (layers_.has_apps) {
      AppsResult result = read_apps(layers_, outcome_.settings.app_defaults);
      outcome_.settings.apps = std::move(result.apps);
      for (const model::AppOptions& app : outcome_.settings.apps) {
        if (app.channel_delta_compression.empty()) continue;
        outcome_.settings.delta.apps[app.id] = app.channel_delta_compression;
      }
      app_origins_ = std::move(result.origins);
      return;
    }
    if (!config_path_.empty()) {
      if (!file_failed_) {
        layers_.add_error(config_path_ +
                          ": \"apps\" is missing; name at least one app with id, key "
                          "and secret, or start without --config for a development node");
      }
      return;
    }
    outcome_.settings.development = true;
    model::AppOptions app = outcome_.settings.app_defaults;
    app.id = "app-id";
    app.key = "app-key";
    app.secret = "app-secret";
    app.enable_client_messages = true;
    app.enable_user_authentication = true;
    outcome_.settings.apps.push_back(std::move(app));
  }

  void derive() {
    Settings& settings = outcome_.settings;
    if (settings.development && !layers_.is_set("host")) settings.host = "127.0.0.1";
    const bool is_loopback = settings.host.starts_with("127.") || settings.host == "::1";
    if (settings.development && !is_loopback) {
      layers_.warnings.push_back(layers_.place("host") +
                                 ": \"host\" opens a development node with known "
                                 "credentials to " +
                                 settings.host + "; configure \"apps\" before others can reach it");
    }
    if (!layers_.is_set("metrics.host")) settings.metrics.host = settings.host;
    if (layers_.is_set("metrics.port") || settings.port == 0) return;
    const int port = settings.port + kMetricsPortOffset;
    if (port <= 65535) {
      settings.metrics.port = static_cast<std::uint16_t>(port);
    } else if (settings.metrics.enabled) {
      layers_.add_error(layers_.place("port") + ": \"port\" " + std::to_string(settings.port) +
                        " plus 3600 is no port for metrics; set \"metrics.port\"");
    }
  }

  void check() {
    const Settings& settings = outcome_.settings;
    if (settings.metrics.enabled && settings.port != 0 && settings.metrics.port == settings.port) {
      layers_.add_error(layers_.place("metrics.port") +
                        ": \"metrics.port\" must differ from \"port\" (" +
                        std::to_string(settings.port) + ")");
    }
    check_metric_prefix(settings.metrics.prefix);
    check_log_level(settings.log.level);
    check_log_file(settings.log.file);
    check_conflation_path(settings.delta.delta.conflation_key_path);
    if (!settings.development && settings.session.conformance_echo) {
      layers_.warnings.push_back(layers_.place("conformance.echo") +
                                 ": \"conformance.echo\" lets anybody make this node send; turn it "
                                 "off outside of tests");
    }
  }

  void check_metric_prefix(const std::string& prefix) {
    if (observability::is_metric_prefix(prefix)) return;
    layers_.add_error(layers_.place("metrics.prefix") + ": \"metrics.prefix\": " + quote(prefix) +
                      " must begin with a letter, hold letters, digits and '_' only, and not end "
                      "with '_'");
  }

  void check_conflation_path(const std::string& path) {
    if (path.empty() || is_conflation_path(path)) return;
    layers_.add_error(layers_.place("delta_compression.conflation_key_path") +
                      ": \"delta_compression.conflation_key_path\": " + quote(path) +
                      " must be names of members with dots between them, or empty");
  }

  void check_log_file(const std::string& file) {
    if (file.empty() || !input_.why_not_writable) return;
    const std::string why = input_.why_not_writable(file);
    if (why.empty()) return;
    layers_.add_error(layers_.place("log.file") + ": \"log.file\": cannot append to " +
                      quote(file) + ": " + why +
                      "; name a file in a folder that exists and that we may write to");
  }

  void check_broker_files() {
    const BrokerOptions& broker = outcome_.settings.broker;
    check_tls_files(layers_, "database.redis.tls", broker.redis.tls, input_.read_file);
    check_tls_files(layers_, "adapter.nats.tls", broker.nats.tls, input_.read_file);
  }

  void check_log_level(std::string_view levels) {
    static constexpr std::string_view kLevels[] = {"trace", "debug", "info",
                                                   "warn",  "error", "off"};
    for (std::size_t begin = 0, end = 0; begin <= levels.size(); begin = end + 1) {
      end = std::min(levels.find(',', begin), levels.size());
      const std::string_view part = levels.substr(begin, end - begin);
      const std::string_view level = part.substr(part.find('=') + 1);
      if (std::find(std::begin(kLevels), std::end(kLevels), level) == std::end(kLevels)) {
        layers_.add_error(layers_.place("log.level") + ": \"log.level\": " + quote(part) +
                          " must be a level or component=level; levels are trace, debug, info, "
                          "warn, error, off");
      } else if (level.size() != part.size()) {
        const std::string problem =
            observability::check_log_component(part.substr(0, part.find('=')));
        if (problem.empty()) continue;
        layers_.add_error(layers_.place("log.level") + ": \"log.level\": " + quote(part) + " " +
                          problem);
      }
    }
  }

  void list_origins() {
    for (const Key& key : all_keys()) {
      if (key.get == nullptr) continue;
      const Value value = key.get(outcome_.settings);
      const bool is_masked = key.secret && to_json(value) != "\"\"" && to_json(value) != "[]";
      outcome_.origins.push_back({std::string(key.path), is_masked ? "\"****\"" : to_json(value),
                                  layers_.place(key.path)});
    }
    outcome_.origins.insert(outcome_.origins.end(), app_origins_.begin(), app_origins_.end());
  }

  LoadInput input_;
  Layers layers_;
  LoadOutcome outcome_;
  std::vector<Flag> flags_;
  std::string config_path_;
  bool file_failed_ = false;
  std::vector<Origin> app_origins_;
};

}  // namespace

LoadOutcome load(LoadInput input) { return Loading(std::move(input)).run(); }

}  // namespace mr::config
