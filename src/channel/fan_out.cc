#include "channel/fan_out.h"

#include "pusher/encode.h"

namespace mr::channel {

void FanOut::broadcast(const std::string& app_id, const BroadcastEvent& event) {
  if (!event.except_node.empty() && event.except_node == options_.node_name) return;
  const std::string text = pusher::connection_event(event.event, event.data);
  const auto message = base::make_ref<const model::Message>(app_id, options_.text_frame(text),
                                                            event.except, nullptr, event.priority);
  for (std::size_t loop = 0; loop < subscribers_.size(); ++loop) {
    Subscribers* const subscribers = subscribers_[loop];
    if (loop == port_.self()) {
      subscribers->broadcast(message);
    } else {
      port_.post(
          loop, [subscribers, message] { subscribers->broadcast(message); }, message->bytes());
    }
  }
}

void FanOut::tell_gap(const GapNotice& notice) {
  for (std::size_t loop = 0; loop < subscribers_.size(); ++loop) {
    Subscribers* const subscribers = subscribers_[loop];
    if (loop == port_.self()) {
      subscribers->tell_gap(notice);
    } else {
      port_.post(loop, [subscribers, notice] { subscribers->tell_gap(notice); }, 0);
    }
  }
}

}  // namespace mr::channel
