/**
 * Runs the command line as a user does: in a process of its own, with the permissions that are spelled out.
 *
 * @module
 */

/** The package's door, which is the command line when it is run. */
export const door: string = new URL("../../mod.ts", import.meta.url).href;

/** How to run it. */
export interface RunOptions {
  /** Permissions, without the dashes: `allow-read=/x`. Default: everything may be read. */
  readonly allow?: readonly string[] | undefined;
  /** What is piped in. Default nothing. */
  readonly stdin?: string | undefined;
  /** Working directory. */
  readonly cwd?: string | undefined;
  /** Environment, beside the test's own. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** What came of it. */
export interface RunResult {
  /** Exit code. */
  readonly code: number;
  /** Everything on stdout. */
  readonly stdout: string;
  /** Everything on stderr. */
  readonly stderr: string;
}

/** The arguments of Deno for a command. */
export function denoArguments(args: readonly string[], { allow = ["allow-read"] }: RunOptions = {}): string[] {
  const config = new URL("../../deno.json", import.meta.url).pathname;
  return ["run", "--no-prompt", "--config", config, ...allow.map((permission) => `--${permission}`), door, ...args];
}

/** Runs a command to its end. */
export async function minimind(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { stdin, cwd, env } = options;
  const child = new Deno.Command(Deno.execPath(), {
    args: denoArguments(args, options),
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...env },
    ...cwd !== undefined && { cwd },
  }).spawn();
  if (stdin !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(stdin));
    await writer.close();
  }
  const { code, stdout, stderr } = await child.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** A command that is talked to while it runs. */
export class RunningCommand implements AsyncDisposable {
  /** Everything on stdout so far. */
  stdout = "";
  /** Everything on stderr so far. */
  stderr = "";
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #read: Promise<void>[];
  #heard: () => void = () => {};

  /** Starts it. */
  constructor(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = new Deno.Command(program, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      env: { NO_COLOR: "1", ...env },
    }).spawn();
    this.#input = this.#child.stdin.getWriter();
    this.#read = [
      this.#listen(this.#child.stdout, (text) => this.stdout += text),
      this.#listen(this.#child.stderr, (text) => this.stderr += text),
    ];
  }

  /** Types something. */
  async type(text: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(text));
  }

  /** Waits until what has come so far is as wanted. */
  async until(fine: (command: RunningCommand) => boolean): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (!fine(this)) {
      if (performance.now() > deadline) {
        throw new Error(`Cannot go on: the command says ${JSON.stringify([this.stdout, this.stderr])}`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#heard = resolve;
      const timer = setTimeout(resolve, 200);
      await promise;
      clearTimeout(timer);
    }
  }

  /** Sends Ctrl-C. */
  interrupt(): void {
    this.#signal("SIGINT");
  }

  /**
   * Interrupts it, on demand again and again, and waits for its exit code. Its input stays open until then, for its
   * end would end it as well.
   */
  async interrupted({ again = false }: { readonly again?: boolean } = {}): Promise<number> {
    this.interrupt();
    // Two signals that come close together may count as one.
    const timer = again ? setInterval(() => this.interrupt(), 100) : undefined;
    await this.#child.status;
    clearInterval(timer);
    return await this.end();
  }

  /** Ends its input and waits for its exit code. */
  async end(): Promise<number> {
    await this.#input.close().catch(() => {});
    const { code } = await this.#child.status;
    await Promise.all(this.#read);
    return code;
  }

  /** Ends it in any case. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal("SIGKILL");
    await this.end();
  }

  #signal(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has ended already
    }
  }

  async #listen(stream: ReadableStream<Uint8Array>, hear: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      hear(decoder.decode(chunk, { stream: true }));
      this.#heard();
    }
  }
}
