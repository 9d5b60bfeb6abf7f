// The way of a weight's numbers into the layout that products read. Loading a model is mostly this, and mostly the first
// touch of the memory that it goes to.
import { share, transpose4 } from "./simd";

/** Rows [N,K] → panels [N/8][K][8], the last one filled up with zeros. Threads own panels. */
export function pack(x: usize, y: usize, n: i32, k: i32, thread: i32, threads: i32): void {
  const panels = (n + 7) >> 3;
  const last = share(panels, 1, thread + 1, threads);
  const stride = <usize>k << 2;
  for (let panel = share(panels, 1, thread, threads); panel < last; panel++) {
    const rows = min(8, n - (panel << 3));
    const from = x + ((<usize>panel * stride) << 3);
    const to = y + ((<usize>panel * stride) << 3);
    let column = 0;
    if (rows < 8) memory.fill(to, 0, stride << 3);
    else {
      for (; column + 4 <= k; column += 4) {
        const a = from + (<usize>column << 2), b = to + (<usize>column << 5);
        transpose4(a, b, stride);
        transpose4(a + (stride << 2), b + 16, stride);
      }
    }
    for (; column < k; column++) {
      for (let row = 0; row < rows; row++) {
        const number = load<f32>(from + <usize>row * stride + (<usize>column << 2));
        store<f32>(to + (<usize>((column << 3) + row) << 2), number);
      }
    }
  }
}

/** Bytes of a page of any system, or a part of one. */
const PAGE: usize = 4096;

/** Has the system find memory for `bytes` from `x` on. What another thread writes there at the same time stays. */
export function touch(x: usize, bytes: i32, thread: i32, threads: i32): void {
  const pages = <i32>((<usize>bytes + PAGE - 1) / PAGE);
  const last = share(pages, 1, thread + 1, threads);
  for (let page = share(pages, 1, thread, threads); page < last; page++) atomic.add<i32>(x + <usize>page * PAGE, 0);
}
