import { assertEquals, assertRejects } from "@std/assert";
import { inOrder } from "../../cli/in_order.ts";

Deno.test("inOrder() gives results in order, with at most so many under way", async () => {
  let now = 0, most = 0;
  const work = async (item: number) => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, (item * 7) % 5));
    now--;
    return item * item;
  };
  const items = Array.from({ length: 20 }, (_, i) => i);
  assertEquals(await Array.fromAsync(inOrder(items, { width: 3, work })), items.map((item) => item * item));
  assertEquals([now, most], [0, 3]);
  assertEquals(await Array.fromAsync(inOrder([], { width: 3, work })), []);
});

Deno.test("inOrder() throws what one item throws in its turn, begins no more and waits for the others", async () => {
  const begun: number[] = [], ended: number[] = [];
  const work = async (item: number) => {
    begun.push(item);
    if (item === 1) throw new Error("one");
    await new Promise((resolve) => setTimeout(resolve, 2 * item));
    ended.push(item);
    return item;
  };
  const got: number[] = [];
  await assertRejects(
    async () => {
      for await (const item of inOrder([0, 1, 2, 3, 4, 5], { width: 3, work })) got.push(item);
    },
    Error,
    "one",
  );
  assertEquals([got, begun, ended], [[0], [0, 1, 2, 3], [0, 2, 3]]);
});
