/**
 * The library's bundle in headless Chromium.
 *
 * @module
 */
import { testInChromium } from "./chromium.ts";

testInChromium("a bundle of mod.ts chats in Chromium as in Deno, in workers and on the main thread", {
  file: "browser_cases.ts",
  steps: 4,
});
