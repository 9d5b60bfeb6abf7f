/**
 * Whether a device still works: it may be lost, or refuse what it was told long after it was told.
 *
 * @module
 */

/** What helps a device that is too small. */
const remedy = "its memory is full: take fewer conversations, a shorter context or a smaller batch, or wasm";

/** Watches a device and throws what went wrong where the next one asks for something. */
export class DeviceHealth {
  /** Why the device was lost, once it is; never where it was given back. */
  readonly lost: Promise<string>;
  #problem: string | undefined;
  #over = false;

  /** Watches from now on. */
  constructor(device: GPUDevice) {
    this.lost = new Promise((resolve) => {
      device.lost.then(({ message }) => {
        if (this.#over) return;
        const reason = `the device was lost${message && ` (${message})`}`;
        this.#problem = `${reason}; create the backend anew and load again`;
        resolve(reason);
      });
    });
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      const message = error.message.trim().replaceAll(/\s+/g, " ");
      this.#problem ??= error instanceof GPUOutOfMemoryError ? `${message}; ${remedy}` : message;
    });
  }

  /** To be called before the device is given back: that it is gone then is no loss. */
  end(): void {
    this.#over = true;
    this.#problem ??= "its backend was disposed";
  }

  /** Whether nothing went wrong so far. */
  get fine(): boolean {
    return this.#problem === undefined;
  }

  /**
   * Does nothing while all is well.
   *
   * @throws {Error} that says what the device could not do, or that it is gone and what to do then
   */
  check(action: string): void {
    if (this.#problem !== undefined) throw new Error(`Cannot ${action} "webgpu": ${this.#problem}`);
  }
}
