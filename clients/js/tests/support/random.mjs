// Random choices that one printed seed repeats (mulberry32).
export const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

export class Random {
  constructor(seed) {
    this.state = seed;
  }
  fraction() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  below(limit) {
    return Math.floor(this.fraction() * limit);
  }
  chance(share) {
    return this.fraction() < share;
  }
  pick(list) {
    return list[this.below(list.length)];
  }
  bytes(count) {
    return Uint8Array.from({ length: count }, () => this.below(256));
  }
  /** A copy with one byte changed, removed or inserted. */
  damaged(bytes) {
    const list = [...bytes];
    const what = this.below(3);
    list.splice(this.below(list.length), what === 2 ? 0 : 1, ...(what === 1 ? [] : [this.below(256)]));
    return Uint8Array.from(list);
  }
}
