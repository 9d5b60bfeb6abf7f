/**
 * The engine in headless Chromium.
 *
 * @module
 */
import { testInChromium } from "./chromium.ts";

testInChromium(
  "the engine passes golden cases and trains in Chromium, on wasm with and without threads and on webgpu",
  {
    file: "engine_cases.ts",
    steps: 3,
  },
);
