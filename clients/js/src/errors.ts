// What can go wrong, by name.

export type DeltaErrorCode =
  // A delta that does not decode.
  | "truncated" // ends within a number, a literal, a section
  | "syntax" // not of its format
  | "unsupported" // a part of VCDIFF that is not plain RFC 3284
  | "out_of_bounds" // copies from outside its base: made for another one
  | "too_large" // announces a text over `maxMessageBytes`
  | "size" // makes more or fewer bytes than announced
  | "trailing" // bytes behind its end
  | "checksum" // the rebuilt text has another sum: made for another base
  // A frame that cannot be used.
  | "frame" // a delta frame or cache sync with missing or wrong members
  | "base64" // `delta` is not base64
  | "algorithm" // unknown, or left out before the server named one
  | "missing_base" // the text that the delta refers to is not there
  | "no_checksum" // a VCDIFF frame without `crc`, which was asked for
  | "text" // the rebuilt text is not the announced event of the channel
  // The client as a whole.
  | "gave_up" // too many resyncs in a minute: the channel goes on without deltas
  | "authorization" // an option could not be changed: the channel was not authorised again
  | "unsupported_client"; // the hooks do not fit this version of pusher-js: no deltas

/** One error of a delta, a frame or the client. The text names the thing and the remedy. */
export class DeltaError extends Error {
  override readonly name = "DeltaError";
  channel?: string;

  constructor(
    readonly code: DeltaErrorCode,
    message: string,
    channel?: string,
  ) {
    super(message);
    if (channel !== undefined) this.channel = channel;
  }
}
