/**
 * Deep equality.
 *
 * @module
 */

/**
 * Whether two values are equal in depth: arrays, typed arrays, buffers, maps, sets, dates, regular expressions,
 * errors and plain objects by content, everything else by `Object.is`, except that 0 equals -0. A property that
 * is `undefined` differs from an absent one.
 */
export function equal(a: unknown, b: unknown): boolean {
  return compare(a, b, new Map());
}

/** Pairs under comparison, so that cyclic values end. */
type Seen = Map<object, object>;

function compare(a: unknown, b: unknown, seen: Seen): boolean {
  if (Object.is(a, b) || (a === 0 && b === 0)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a.constructor !== b.constructor && !(plain(a) && plain(b))) return false;
  if (seen.get(a) === b) return true;
  seen.set(a, b);
  if (ArrayBuffer.isView(a) || a instanceof ArrayBuffer) return bytesEqual(a, b as ArrayBuffer | ArrayBufferView);
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime());
  if (a instanceof RegExp || a instanceof URL) return String(a) === String(b);
  if (a instanceof WeakMap || a instanceof WeakSet || a instanceof Promise) return false;
  if (a instanceof Error && (a.message !== (b as Error).message || a.name !== (b as Error).name)) return false;
  if (a instanceof Set) return setsEqual(a, b as Set<unknown>, seen);
  if (a instanceof Map) return mapsEqual(a, b as Map<unknown, unknown>, seen);
  return objectsEqual(a, b, seen);
}

function plain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function bytesEqual(a: ArrayBuffer | ArrayBufferView, b: ArrayBuffer | ArrayBufferView): boolean {
  if (a.byteLength !== b.byteLength) return false;
  if (ArrayBuffer.isView(a) && !(a instanceof DataView)) {
    // By element and not by byte: every NaN equals every other, 0 equals -0.
    const [x, y] = [a as unknown as ArrayLike<unknown>, b as unknown as ArrayLike<unknown>];
    for (let i = 0; i < x.length; i++) if (!Object.is(x[i], y[i]) && !(x[i] === 0 && y[i] === 0)) return false;
    return true;
  }
  const view = (value: ArrayBuffer | ArrayBufferView) =>
    ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(value);
  const [x, y] = [view(a), view(b)];
  return x.every((byte, i) => byte === y[i]);
}

function setsEqual(a: Set<unknown>, b: Set<unknown>, seen: Seen): boolean {
  if (a.size !== b.size) return false;
  const rest = [...b];
  return [...a].every((value) => {
    const at = b.has(value) ? rest.indexOf(value) : rest.findIndex((other) => compare(value, other, seen));
    if (at >= 0) rest.splice(at, 1);
    return at >= 0 || Number.isNaN(value) && b.has(value);
  });
}

function mapsEqual(a: Map<unknown, unknown>, b: Map<unknown, unknown>, seen: Seen): boolean {
  if (a.size !== b.size) return false;
  return [...a].every(([key, value]) =>
    b.has(key)
      ? compare(value, b.get(key), seen)
      : [...b].some(([other, found]) => compare(key, other, seen) && compare(value, found, seen))
  );
}

function objectsEqual(a: object, b: object, seen: Seen): boolean {
  const keys = Reflect.ownKeys(a).filter((key) => Object.prototype.propertyIsEnumerable.call(a, key));
  const others = Reflect.ownKeys(b).filter((key) => Object.prototype.propertyIsEnumerable.call(b, key));
  return keys.length === others.length &&
    keys.every((key) => Object.hasOwn(b, key) && compare(Reflect.get(a, key), Reflect.get(b, key), seen));
}
