import type { Engine } from "../pkg/nextbest_wasm.js";

const MOST_VALUES = 1 << 18;

/**
 * Memory of the module that rows of features are written to and probabilities are read from. It is made once: a call
 * per row allocates nothing.
 */
export class Room {
  readonly engine: Engine;
  readonly #width: number;
  readonly #classes: number;
  /** For how many rows there is room: never more than the engine scores together. */
  #count = 0;
  /** For how many rows room was asked for. */
  #asked = 0;
  #rows = new Float32Array();
  #probabilities = new Float32Array();

  constructor(engine: Engine, width: number, classes: number) {
    this.engine = engine;
    this.#width = width;
    this.#classes = classes;
  }

  /** Writes the probabilities of `count` rows to `into`. */
  score(rows: Float32Array, count: number, into: Float32Array): void {
    const [width, classes] = [this.#width, this.#classes];
    const wanted = Math.min(count, Math.max(1, Math.floor(MOST_VALUES / width)));
    if (wanted > this.#asked) {
      this.#count = this.engine.makeRoom(wanted);
      this.#asked = wanted;
      this.#look();
    }
    for (let done = 0; done < count; done += this.#count) {
      const now = Math.min(this.#count, count - done);
      if (this.#rows.length === 0) this.#look();
      this.#rows.set(now === count ? rows : rows.subarray(done * width, (done + now) * width));
      this.engine.scoreRows(now);
      if (this.#probabilities.length === 0) this.#look();
      const scored = now === this.#count ? this.#probabilities : this.#probabilities.subarray(0, now * classes);
      into.set(scored, done * classes);
    }
  }

  // Whatever makes the module's memory grow leaves the views of it with no elements.
  #look(): void {
    const { buffer } = this.engine.moduleMemory as WebAssembly.Memory;
    this.#rows = new Float32Array(buffer, this.engine.rowsAt, this.#count * this.#width);
    this.#probabilities = new Float32Array(buffer, this.engine.probabilitiesAt, this.#count * this.#classes);
  }
}
