/** Keeps heavy concurrent tests back while a delicate one runs. Nothing waits for tests that are not part of the run. */

export class Gate {
  #inside = 0;
  #opened = Promise.withResolvers<void>();

  /** Closes the gate until disposed of. */
  enter(): Disposable {
    this.#inside++;
    return { [Symbol.dispose]: () => this.#leave() };
  }

  /** Waits until nobody is inside. */
  async clear(): Promise<void> {
    // Tests that begin together have all entered by then.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#inside > 0) await this.#opened.promise;
  }

  #leave(): void {
    this.#inside--;
    if (this.#inside > 0) return;
    this.#opened.resolve();
    this.#opened = Promise.withResolvers<void>();
  }
}
