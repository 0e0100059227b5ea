#include "cluster/lease_record.h"

#include "base/planted.h"
#include "cluster/record_words.h"

namespace mr::cluster {

std::string encode_lease(const LeaseRecord& record) {
  return std::to_string(record.token.epoch) + " " + boot_text(record.token.boot) + " " +
         std::to_string(record.beat);
}

std::optional<LeaseRecord> parse_lease(std::string_view text) {
  RecordWords words(text);
  const auto epoch = words.number();
  const auto boot = words.boot();
  const auto beat = words.number();
  if (!epoch || !boot || !beat || !words.is_done()) return std::nullopt;
  return LeaseRecord{{*epoch, *boot}, *beat};
}

bool owns(std::string_view lease_text, const Token& writer) {
  if (MR_PLANTED("write_not_checked")) return true;
  const auto record = parse_lease(lease_text);
  if (!record) return false;
  if (MR_PLANTED("lease_without_boot")) return record->token.epoch == writer.epoch;
  return record->token == writer;
}

}  // namespace mr::cluster
