/**
 * The chat page in a browser, and the servers that it comes from.
 *
 * @module
 */
import type { Page } from "./playwright.ts";
import type { ServingPorts } from "./serving_worker.ts";

/** The part of axe that is used: the rules by which Lighthouse judges whether a page is accessible, and more. */
interface Axe {
  readonly default: { readonly source: string };
}

/** What axe finds wrong with a page: rule, element, reason. */
export async function audit(page: Page): Promise<unknown[]> {
  const { default: { source } }: Axe = await import(["npm:axe-core", "4.10.3"].join("@"));
  await page.evaluate(`(() => { ${source} })()`);
  return await page.evaluate(`axe.run().then(({ violations, passes }) => {
    if (!passes.some(({ id }) => id === "color-contrast")) return ["contrast was not looked at"];
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => [id, html, failureSummary]));
  })`);
}

/** Lets files fall on the page, as when they are dragged there from a folder. */
export async function drop(page: Page, files: readonly string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) {
    await session.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
  }
}

/** Asks by keyboard. */
export async function ask(page: Page, question: string): Promise<void> {
  await page.locator("#question").fill(question);
  await page.keyboard.press("Enter");
}

/** Answers that have ended. */
export const answers = ".answer[aria-busy=false]";

/** Servers that run until they are disposed of. */
export async function startServers(): Promise<Disposable & { readonly ports: ServingPorts }> {
  const worker = new Worker(import.meta.resolve("./serving_worker.ts"), { type: "module" });
  const ports = await new Promise<ServingPorts>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
  return { ports, [Symbol.dispose]: () => worker.terminate() };
}
