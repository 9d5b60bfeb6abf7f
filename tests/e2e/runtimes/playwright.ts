/**
 * Headless Chromium through Playwright, which is none of the project's dependencies: only cases that run in a process
 * of their own import this. The browser's path is their only argument.
 *
 * @module
 */

/** The part of Playwright that is used. */
interface Playwright {
  readonly chromium: {
    launch(options: { readonly executablePath: string; readonly args: readonly string[] }): Promise<Browser>;
  };
}

/** A browser. */
export interface Browser {
  newPage(): Promise<Page>;
  newContext(options: {
    readonly locale?: string;
    readonly colorScheme?: "light" | "dark";
    readonly viewport?: { readonly width: number; readonly height: number };
    readonly permissions?: readonly string[];
  }): Promise<BrowserContext>;
  close(): Promise<void>;
}

/** Pages that share what the browser keeps. */
export interface BrowserContext {
  newPage(): Promise<Page>;
  newCDPSession(page: Page): Promise<{ send(method: string, parameters: object): Promise<unknown> }>;
  close(): Promise<void>;
}

/** A page. */
export interface Page {
  readonly keyboard: { press(key: string): Promise<void>; type(text: string): Promise<void> };
  on(event: "console", listen: (message: { type(): string; text(): string }) => void): void;
  on(event: "pageerror", listen: (error: Error) => void): void;
  on(event: "request", listen: (request: { url(): string; postData(): string | null }) => void): void;
  goto(url: string): Promise<{ headers(): Record<string, string> } | null>;
  reload(): Promise<unknown>;
  context(): BrowserContext;
  locator(selector: string): Locator;
  evaluate<Result>(script: string): Promise<Result>;
  evaluate<Argument, Result>(run: (argument: Argument) => Promise<Result>, argument: Argument): Promise<Result>;
  screenshot(options: { readonly path: string }): Promise<unknown>;
  close(): Promise<void>;
}

/** Elements, found when they are needed; what is done to one waits until it is there. */
export interface Locator {
  click(): Promise<void>;
  fill(text: string): Promise<void>;
  count(): Promise<number>;
  innerText(): Promise<string>;
  allInnerTexts(): Promise<string[]>;
  inputValue(): Promise<string>;
  getAttribute(name: string): Promise<string | null>;
  selectOption(value: string): Promise<unknown>;
  setInputFiles(paths: readonly string[]): Promise<void>;
  waitFor(options?: { readonly state: "attached" | "detached" | "visible" | "hidden" }): Promise<void>;
}

const flags = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
];

/** Starts the browser, with more flags than the usual ones. */
export async function launchChromium(more: readonly string[] = []): Promise<Browser> {
  // Computed, so that no one fetches it who only checks this file.
  const { chromium }: Playwright = await import(["npm:playwright-core", "1.65.1"].join("@"));
  return await chromium.launch({ executablePath: Deno.args[0]!, args: [...flags, ...more] });
}

/** Notes what a page says on its console, and its errors. */
export function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on("console", (message) => void complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", ({ message }) => void complaints.push(message));
  return complaints;
}
