/**
 * A shorter list of dispatches: those of one shader that do not need each other's results become one, such as the
 * projections of a block or the updates of all parameters.
 *
 * @module
 */
import type { Binding, Dispatch } from "./kernel.ts";
import { extentOf, together } from "./together.ts";

/** Dispatches that go together, and what they are as one. */
interface Group {
  readonly parts: readonly Dispatch[];
  readonly whole: Dispatch;
}

/**
 * Merges a list. Every dispatch joins the latest group that it can, if it may as well run there: nothing behind the group
 * nor in it writes what it reads or writes, or reads what it writes. The numbers stay the same.
 */
export function mergeDispatches(
  dispatches: readonly Dispatch[],
  limits: { readonly maxBytes: number },
): readonly Dispatch[] {
  const groups: Group[] = [];
  for (const dispatch of dispatches) {
    const at = findGroup(groups, dispatch);
    const parts = at === undefined ? undefined : [...groups[at]!.parts, dispatch];
    const whole = parts && together(parts, limits);
    if (whole === undefined) groups.push({ parts: [dispatch], whole: dispatch });
    else groups[at!] = { parts: parts!, whole };
  }
  return groups.map(({ whole }) => whole);
}

function findGroup(groups: readonly Group[], dispatch: Dispatch): number | undefined {
  for (let at = groups.length - 1; at >= 0; at--) {
    const { parts } = groups[at]!;
    if (parts.some((part) => depends(part, dispatch))) return undefined;
    if (alike(parts[0]!, dispatch)) return at;
  }
  return undefined;
}

/** Whether two dispatches differ only in numbers and in places within their buffers. */
function alike(a: Dispatch, b: Dispatch): boolean {
  return a.source === b.source &&
    a.bindings.every(({ value }, i) => value.place.buffer === b.bindings[i]!.value.place.buffer);
}

/** Whether the order of two dispatches matters. */
function depends(a: Dispatch, b: Dispatch): boolean {
  if (a.apart !== undefined && a.apart === b.apart) return false;
  return a.bindings.some((x) => b.bindings.some((y) => (x.written || y.written) && overlap(x, y)));
}

function overlap(x: Binding, y: Binding): boolean {
  const a = extentOf(x), b = extentOf(y);
  return a.buffer === b.buffer && a.start < b.end && b.start < a.end;
}
