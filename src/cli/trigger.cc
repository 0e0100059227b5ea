#include "cli/terminal.h"
#include "cli/tools.h"
#include "client/rest_client.h"
#include "net/epoll_loop.h"

namespace mr::cli {

int run_trigger(const TriggerOptions& options) {
  const auto address = resolve(options.target);
  if (!address) return kExitFailed;
  net::EpollLoop loop;
  const Target& target = options.target;
  client::RestClient rest(loop, {*address, target.host_header(), target.app_id, target.key,
                                 target.secret, std::chrono::seconds(30)});
  std::size_t open = options.channels.size();
  int exit_code = kExitOk;
  for (const std::string& channel : options.channels) {
    rest.publish({channel, options.event, options.data}, [&](client::RestReply reply) {
      if (reply.ok()) {
        exit_code = exit_after(print_out(reply.body + "\n"), exit_code);
      } else {
        exit_code = kExitFailed;
        print_error(failure_text(reply));
      }
      if (--open == 0) loop.stop();
    });
  }
  loop.run();
  return exit_code;
}

}  // namespace mr::cli
