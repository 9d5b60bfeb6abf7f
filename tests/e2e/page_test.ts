/**
 * The server's page in headless Chromium.
 *
 * @module
 */
import { testInChromium } from "./chromium.ts";

testInChromium("the server's page chats about images in Chromium, in two languages, by keyboard, with a key", {
  file: "page_cases.ts",
  steps: 8,
});
