import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { cosineSchedule } from "../../trainers/schedule.ts";

/** Upstream's `get_lr` over ten steps with a peak of 4e-4. */
const upstream = {
  2: [4.4e-4, 4.3021130325903074e-4, 4.018033988749895e-4, 3.5755705045849463e-4, 3.0180339887498949e-4, 2.4e-4],
  3: [3.911901729331277e-4, 3.6562305898749054e-4, 3.258013454126452e-4, 2.756230589874905e-4, 2.2e-4],
} as const;

for (const generation of [2, 3] as const) {
  Deno.test(`cosineSchedule() of generation ${generation} gives upstream's rates within 1e-12`, () => {
    const schedule = cosineSchedule({ learningRate: 4e-4, totalSteps: 10, generation });
    upstream[generation].forEach((rate, step) => assertAlmostEquals(schedule(step), rate, 1e-12));
  });
}

Deno.test("cosineSchedule() ends at a tenth of the peak", () => {
  assertAlmostEquals(cosineSchedule({ learningRate: 4e-4, totalSteps: 10 })(9), 4e-5, 1e-12);
  assertAlmostEquals(cosineSchedule({ learningRate: 4e-4, totalSteps: 10, generation: 2 })(10), 4e-5, 1e-12);
});

Deno.test("cosineSchedule() rises to the peak over the warm-up and goes on as a shorter run", () => {
  const schedule = cosineSchedule({ learningRate: 1, totalSteps: 14, warmupSteps: 4 });
  assertEquals([0, 1, 2, 3].map(schedule), [0.25, 0.5, 0.75, 1]);
  const shorter = cosineSchedule({ learningRate: 1, totalSteps: 10 });
  for (let step = 0; step < 10; step++) assertEquals(schedule(4 + step), shorter(step));
});

Deno.test("cosineSchedule() refuses runs without steps and a warm-up as long as the run", () => {
  const message = (totalSteps: number, warmupSteps: number) =>
    assertThrows(() => cosineSchedule({ learningRate: 1, totalSteps, warmupSteps }), RangeError).message;
  assertEquals(message(0, 0), "Cannot schedule 0 steps");
  assertEquals(message(2.5, 0), "Cannot schedule 2.5 steps");
  assertEquals(message(5, 5), "Cannot schedule a warm-up of 5 in 5 steps");
  assertEquals(message(5, -1), "Cannot schedule a warm-up of -1 in 5 steps");
});
