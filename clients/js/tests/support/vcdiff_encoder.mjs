// VCDIFF without a matcher: what two texts begin and end with is copied, the rest is added.
const number = (value) => {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift(0x80 | (rest & 0x7f));
  return bytes;
};

/** One window of plain RFC 3284. */
export function vcdiffWindow(source, targetBytes, { literals, instructions, addresses }) {
  const body = [...number(targetBytes), 0, ...number(literals.length), ...number(instructions.length),
    ...number(addresses.length), ...literals, ...instructions, ...addresses];
  return [1, ...number(source.length), ...number(0), ...number(body.length), ...body];
}

export const VCDIFF_HEAD = [0xd6, 0xc3, 0xc4, 0, 0];
export const varint = number;

export function encodeVcdiff(base, target) {
  const most = Math.min(base.length, target.length);
  let head = 0;
  while (head < most && base[head] === target[head]) head++;
  let tail = 0;
  while (tail < most - head && base[base.length - 1 - tail] === target[target.length - 1 - tail]) tail++;
  const literals = [...target.subarray(head, target.length - tail)];
  const instructions = [];
  const addresses = [];
  const copy = (bytes, from) => {
    if (bytes === 0) return;
    instructions.push(19, ...number(bytes));
    addresses.push(...number(from));
  };
  copy(head, 0);
  if (literals.length > 0) instructions.push(1, ...number(literals.length));
  copy(tail, base.length - tail);
  return Buffer.from([...VCDIFF_HEAD, ...vcdiffWindow(base, target.length, { literals, instructions, addresses })]);
}
