import type { Engine } from "../pkg/nextbest_wasm.js";

/** As many rows as the engine scores together. */
const MOST_ROWS = 1024;
const MOST_VALUES = 1 << 18;

/**
 * Memory of the module that rows of features are written to and probabilities are read from. It is made once: a call
 * per row allocates nothing.
 */
export class Room {
  readonly engine: Engine;
  readonly #width: number;
  readonly #classes: number;
  #count = 0;
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
    const most = Math.max(1, Math.min(MOST_ROWS, Math.floor(MOST_VALUES / width)));
    for (let done = 0; done < count; done += most) {
      const now = Math.min(most, count - done);
      if (now > this.#count) {
        this.#count = now;
        this.engine.makeRoom(now);
        this.#look();
      }
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
