// Which sequence decodes in which slot. Those that wait enter as others end; sequences of one prompt stand together, so
// that its keys and values are computed once and then found in a slot that holds them still. Pure: no tensors.

/** A sequence that takes a slot. */
export interface Entry {
  /** Place of the sequence in the list given. */
  index: number;
  slot: number;
  /** The slot that holds the same prompt already, perhaps this one; null where it is to be computed. */
  source: number | null;
}

export class Schedule {
  readonly #keys: ReadonlyArray<string>;
  /** Sequences not begun, the next one last. */
  readonly #waiting: number[];
  /** The prompt that each slot holds. */
  readonly #held: (string | null)[];
  readonly #free = new Set<number>();
  readonly #slotOf = new Map<number, number>();

  constructor(prompts: ReadonlyArray<ReadonlyArray<number>>, slots: number) {
    this.#keys = prompts.map((ids) => ids.join());
    const groups = new Map<string, number[]>();
    for (const [index, key] of this.#keys.entries()) groups.set(key, [...(groups.get(key) ?? []), index]);
    this.#waiting = [...groups.values()].flat().reverse();
    this.#held = new Array<string | null>(slots).fill(null);
    for (let slot = 0; slot < slots; slot++) this.#free.add(slot);
  }

  /** Sequences that have not ended. */
  get unfinished(): number {
    return this.#waiting.length + this.#slotOf.size;
  }

  /** The running sequences with their slots, in the order they entered. */
  get running(): ReadonlyMap<number, number> {
    return this.#slotOf;
  }

  /**
   * Lets waiting sequences in: once a quarter of the slots is free, since a pass over few tokens costs nearly as much as one
   * over many. A prompt that is computed stands before those that copy it.
   */
  enter(): Entry[] {
    if (this.#slotOf.size > 0 && this.#free.size * 4 < this.#held.length) return [];
    const entries: Entry[] = [];
    while (this.#free.size > 0) {
      const index = this.#waiting.pop();
      if (index === undefined) break;
      const key = this.#keys[index] ?? '';
      const [any = 0] = this.#free;
      const slot = [...this.#free].find((free) => this.#held[free] === key) ?? any;
      const source = this.#held[slot] === key ? slot : this.#held.indexOf(key);
      this.#free.delete(slot);
      this.#held[slot] = key;
      this.#slotOf.set(index, slot);
      entries.push({ index, slot, source: source < 0 ? null : source });
    }
    return entries;
  }

  /** A sequence has ended; its slot is free, and holds its prompt until another takes it. */
  end(index: number): void {
    const slot = this.#slotOf.get(index);
    if (slot === undefined) return;
    this.#slotOf.delete(index);
    this.#free.add(slot);
  }
}
