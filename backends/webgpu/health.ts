/**
 * Whether a device still works: it may be lost, or refuse what it was told long after it was told.
 *
 * @module
 */

/** What helps a device that is too small. */
const remedy = "its memory is full: take fewer conversations, a shorter context or a smaller batch, or wasm";

/** Watches a device and throws what went wrong where the next one asks for something. */
export class DeviceHealth {
  #problem: string | undefined;

  /** Watches from now on. */
  constructor(device: GPUDevice) {
    device.lost.then(({ message, reason }) => {
      if (reason === "destroyed") this.#problem ??= "its backend was disposed";
      else this.#problem = `the device was lost${message && ` (${message})`}; create the backend anew and load again`;
    });
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      const message = error.message.trim().replaceAll(/\s+/g, " ");
      this.#problem ??= error instanceof GPUOutOfMemoryError ? `${message}; ${remedy}` : message;
    });
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
