#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/target.h"

namespace mr::cli {

struct TriggerOptions {
  Target target;
  std::vector<std::string> channels;
  std::string event;
  std::string data;
};

struct SubscribeOptions {
  Target target;
  std::vector<std::string> channels;
  std::string user_id = "millrace-cli";  // for presence channels
  bool json = false;                     // the frames as they came, one a line
  std::uint64_t count = 0;               // ends after so many events; 0: never
  bool delta = false;                    // takes deltas and rebuilds the messages
  std::string delta_algorithm;           // empty: the server's choice
  std::string filter;                    // JSON text of a tag filter
};

struct ReplayOptions {
  Target target;
  std::string file;
  double speed = 1;             // 0: as fast as the server answers
  double gap_max = 1;           // seconds; longer pauses of the recording are cut to this
  std::uint32_t batch = 10;     // events per request at most
  std::uint32_t in_flight = 8;  // requests not yet answered
  bool json = false;            // the summary
};

struct TopOptions {
  Target target;  // its port is the metrics port
  std::string what = "deltas";
  double interval = 2;  // seconds between two looks, on a terminal
  bool once = false;
  bool json = false;
};

// The metrics listener of a node, where operators ask.
struct AdminTarget {
  Target target;  // its port is the metrics port
  std::string token;
};

struct ClusterOptions {
  AdminTarget admin;
  std::string what;  // status, nodes, bus, probe, counters
  std::string partitions;
  std::string app_id;
  std::string channel;
  std::string conflation_key;
  std::string cursor;
  std::uint32_t limit = 0;  // 0: what the node thinks fit
  bool reset = false;
  bool json = false;
};

struct BusTailOptions {
  AdminTarget admin;
  std::string what = "tail";
  std::string app_id;
  std::string channel;
  std::vector<std::string> kinds;
  bool payloads = false;
  std::uint64_t count = 0;  // ends after so many lines; 0: never
};

enum class BenchChannels : std::uint8_t {
  kShared,  // connection i is subscribed to channel i modulo `channels`
  kOwn,     // each connection has a channel of its own
};

struct BenchOptions {
  Target target;
  std::uint32_t connections = 1000;
  BenchChannels mode = BenchChannels::kShared;
  std::uint32_t channels = 1;
  std::uint32_t size = 200;         // bytes of `data`
  std::uint32_t in_flight = 1;      // closed loop: publishes whose deliveries are not complete
  double rate = 0;                  // open loop: publishes a second; 0: closed loop
  std::uint32_t subscriptions = 1;  // of each connection, to as many channels
  std::uint32_t keys = 0;       // conflation keys that the messages of a channel go round; 0: none
  bool delta = false;           // every connection takes deltas
  std::string delta_algorithm;  // empty: the server's choice
  bool are_private = false;     // the channels; each subscription is signed with the secret
  std::uint64_t publishes = 0;  // measured; 0: as many as `seconds` allow
  double seconds = 10;          // of measurement
  double warm_up = 2;
  double settle = 3;                   // waiting for what is missing at the end
  double idle = 0;                     // after the measurement, before memory is read again
  std::uint32_t processes = 0;         // 0: one per 15,000 connections
  std::uint32_t connect_window = 200;  // handshakes under way at once, per process
  // Of several nodes on the target's host; empty: the target alone. The subscribers of a channel
  // are spread over them, and each channel is published through one.
  std::vector<std::uint16_t> ports;
  std::vector<int> server_pids;
  bool poll = false;  // no sleep between reads while messages are on their way
  bool floor = false;
  bool json = false;
};

}  // namespace mr::cli
