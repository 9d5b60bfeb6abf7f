import { assert, assertEquals, assertRejects } from "@std/assert";
import { HubError, TransientError } from "../../data/hub/hub_error.ts";
import { retry, sleep } from "../../data/hub/retry.ts";

/** Fails for passing reasons as often as told, and counts its calls. */
function flaky(failures: number, options: { readonly retryAfter?: number } = {}) {
  const attempt = {
    calls: 0,
    run: () =>
      ++attempt.calls <= failures
        ? Promise.reject(new TransientError("Cannot do it", options))
        : Promise.resolve("done"),
  };
  return attempt;
}

Deno.test("retry() repeats what fails for a passing reason, up to its bound", async () => {
  const twice = flaky(2);
  assertEquals(await retry(twice.run, { retries: 2, retryDelay: 1 }), "done");
  assertEquals(twice.calls, 3);
  const thrice = flaky(3);
  const error = await assertRejects(() => retry(thrice.run, { retries: 2, retryDelay: 1 }), HubError);
  assertEquals([error.message, thrice.calls], ["Cannot do it (3 attempts)", 3]);
});

Deno.test("retry() starts counting again after an attempt that got somewhere", async () => {
  const often = flaky(6);
  assertEquals(await retry(often.run, { retries: 2, retryDelay: 1, progressed: () => often.calls % 2 === 0 }), "done");
});

Deno.test("retry() gives up at once on any other error", async () => {
  let calls = 0;
  const attempt = () => Promise.reject(new RangeError(`call ${++calls}`));
  await assertRejects(() => retry(attempt, { retries: 5, retryDelay: 1 }), RangeError, "call 1");
});

Deno.test("retry() waits as long as the server asks", async () => {
  const start = performance.now();
  await retry(flaky(1, { retryAfter: 80 }).run, { retries: 1, retryDelay: 1 });
  assert(performance.now() - start >= 75);
});

Deno.test("retry() and sleep() end with the signal's reason", async () => {
  const reason = new RangeError("enough");
  const controller = new AbortController();
  const waiting = retry(flaky(1).run, { retries: 1, retryDelay: 60_000, signal: controller.signal });
  setTimeout(() => controller.abort(reason), 5);
  assertEquals(await assertRejects(() => waiting), reason);
  assertEquals(await assertRejects(() => sleep(60_000, controller.signal)), reason);
});
