// The default code table and the address caches of RFC 3284.

export const ADD = 1;
export const RUN = 2;
export const COPY = 3;
export const FIRST_SAME = 6; // modes: self, here, four near, three same
const NEAR = 4;
const SAME = 3 * 256;

/** Six numbers a code: kind, size and mode of its two instructions; kind 0 is none. */
export const CODES = new Uint8Array(256 * 6);

function fillCodes(): void {
  let at = 0;
  const put = (...numbers: number[]): void => {
    CODES.set(numbers, at);
    at += 6;
  };
  put(RUN, 0, 0);
  for (let size = 0; size <= 17; size++) put(ADD, size, 0);
  for (let mode = 0; mode < 9; mode++) {
    put(COPY, 0, mode);
    for (let size = 4; size <= 18; size++) put(COPY, size, mode);
  }
  for (let mode = 0; mode < 9; mode++) {
    for (let added = 1; added <= 4; added++) {
      for (let size = 4; size <= (mode < FIRST_SAME ? 6 : 4); size++) {
        put(ADD, added, 0, COPY, size, mode);
      }
    }
  }
  for (let mode = 0; mode < 9; mode++) put(COPY, 4, mode, ADD, 1, 0);
}
fillCodes();

/** The near and the same cache of one window. */
export class VcdiffAddresses {
  private readonly near = new Uint32Array(NEAR);
  private readonly same = new Uint32Array(SAME);
  private next = 0;

  clear(): void {
    this.near.fill(0);
    this.same.fill(0);
    this.next = 0;
  }

  /** The address that `value` means in this mode; may lie anywhere, the caller checks it. */
  read(mode: number, value: number, here: number): number {
    let address = value;
    if (mode === 1) address = here - value;
    else if (mode >= FIRST_SAME) address = this.same[(mode - FIRST_SAME) * 256 + value]!;
    else if (mode >= 2) address += this.near[mode - 2]!;
    return address;
  }

  remember(address: number): void {
    this.near[this.next] = address;
    this.next = (this.next + 1) % NEAR;
    this.same[address % SAME] = address;
  }
}
