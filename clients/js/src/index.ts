export { crc32 } from "./crc32.js";
export type { DecoderActions, DecoderOptions, DeltaStats } from "./decoder.js";
export { DeltaDecoder } from "./decoder.js";
export type { DeltaErrorCode } from "./errors.js";
export { DeltaError } from "./errors.js";
export type { Filter, FilterNode, TagValue } from "./filter.js";
export { decodeFossil, fossilChecksum } from "./fossil.js";
export type { Algorithm } from "./frames.js";
export type {
  CacheSync,
  ChannelLike,
  ChannelOptions,
  DeltaClient,
  DeltaOptions,
  DeltaSetting,
  PusherLike,
} from "./pusher.js";
export { withDelta } from "./pusher.js";
export { decodeVcdiff } from "./vcdiff.js";
