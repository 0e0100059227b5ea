interface Entry {
  number: number;
  bytes: Uint8Array;
}

/** The latest messages of each key of one channel; the key unused for longest makes room. */
export class Chains {
  private readonly byKey = new Map<string, Entry[]>();
  private held = 0;

  constructor(
    private readonly keysMax: number,
    private readonly entriesMax: number,
  ) {}

  get keys(): number {
    return this.byKey.size;
  }

  get bytes(): number {
    return this.held;
  }

  put(key: string, number: number, bytes: Uint8Array): void {
    const entries = this.byKey.get(key) ?? [];
    this.byKey.delete(key);
    entries.push({ number, bytes });
    this.held += bytes.length;
    if (entries.length > this.entriesMax) this.held -= entries.shift()!.bytes.length;
    this.byKey.set(key, entries);
    if (this.byKey.size > this.keysMax) this.drop(this.byKey.keys().next().value!);
  }

  /** The newest message of this key with this number. */
  find(key: string, number: number): Uint8Array | undefined {
    const entries = this.byKey.get(key) ?? [];
    for (let i = entries.length - 1; i >= 0; i--) {
      if (entries[i]!.number === number) return entries[i]!.bytes;
    }
    return undefined;
  }

  drop(key: string): void {
    for (const { bytes } of this.byKey.get(key) ?? []) this.held -= bytes.length;
    this.byKey.delete(key);
  }

  clear(): void {
    this.byKey.clear();
    this.held = 0;
  }
}
