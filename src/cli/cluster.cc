#include "cli/admin_client.h"
#include "cli/cluster_table.h"
#include "cli/terminal.h"
#include "cli/tools.h"
#include "http/query.h"
#include "json/parser.h"
#include "net/epoll_loop.h"

namespace mr::cli {
namespace {

// Of a probe of which something was lost.
bool is_failure(std::string_view what, std::string_view json) {
  if (what != "probe") return false;
  json::Parser parser(1 << 22);
  const auto answer = parser.parse(json);
  if (!answer) return true;
  const auto number = [&answer](std::string_view name) {
    const auto member = answer.value().member(name);
    return member ? member->as_uint().value_or(0) : 0;
  };
  return number("asked") != number("answered");
}

std::string target_of(const ClusterOptions& options) {
  std::string target = "/admin/cluster/" + options.what;
  const auto add = [&target](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    target += target.find('?') == target.npos ? "?" : "&";
    target.append(name).append("=").append(http::percent_encode(value));
  };
  if (options.what == "probe") add("partitions", options.partitions);
  if (options.what != "counters") return target;
  add("app", options.app_id);
  add("channel", options.channel);
  add("key", options.conflation_key);
  add("cursor", options.cursor);
  if (options.limit != 0) add("limit", std::to_string(options.limit));
  return target;
}

}  // namespace

int run_cluster(const ClusterOptions& options) {
  net::Address address;
  if (!AdminClient::can_resolve(options.admin, address)) return kExitFailed;
  net::EpollLoop loop;
  AdminClient client(loop, options.admin, address);
  int exit_code = kExitFailed;
  const bool is_post = options.what == "probe" || (options.what == "counters" && options.reset);
  client.ask(is_post ? http::Method::kPost : http::Method::kGet, target_of(options),
             [&](const std::string& body) {
               loop.stop();
               if (body.empty()) return;
               const std::string text =
                   options.json ? body + "\n" : cluster_text(options.what, body);
               if (text.empty()) {
                 return print_error(
                     "the node's answer is not understood; use the millrace of its "
                     "version, or --json");
               }
               exit_code = exit_after(print_out(text),
                                      is_failure(options.what, body) ? kExitFailed : kExitOk);
             });
  loop.run();
  return exit_code;
}

}  // namespace mr::cli
