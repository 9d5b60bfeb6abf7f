/**
 * The server's page in headless Chromium.
 *
 * @module
 */
import { testInChromium } from "./chromium.ts";

testInChromium("the server's page chats about images in Chromium, in two languages, by keyboard, with a key", {
  file: "page_cases.ts",
  steps: 9,
});

testInChromium("the server's page runs the model in Chromium itself, and answers as the server without asking it", {
  file: "local_page_cases.ts",
  steps: 7,
});
