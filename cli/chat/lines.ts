/**
 * Lines that somebody types, or that another program sends.
 *
 * @module
 */

/** Gives the next line without its end, or undefined when there are no more. */
export type ReadLine = (prompt: string) => Promise<string | undefined>;

/**
 * A reader of stdin: with editing and history on a terminal, without a prompt elsewhere. A line that ends in a
 * backslash goes on in the next one.
 */
export function lineReader(stdin: typeof Deno.stdin = Deno.stdin): ReadLine {
  // The engine's own prompt edits lines and keeps a history; it gives null at Ctrl-D, and at Ctrl-C.
  const typed = (text: string) => Promise.resolve(prompt(text) ?? undefined);
  const next = stdin.isTerminal() ? typed : streamReader(stdin.readable);
  return async (text) => {
    let all = "";
    for (let line = await next(text);; line = await next("…")) {
      if (line === undefined) return all === "" ? undefined : all;
      if (!line.endsWith("\\")) return all + line;
      all += `${line.slice(0, -1)}\n`;
    }
  };
}

function streamReader(stream: ReadableStream<Uint8Array>): ReadLine {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "", done = false;
  return async () => {
    while (!text.includes("\n") && !done) {
      const chunk = await reader.read();
      done = chunk.done;
      text += chunk.value ?? "";
    }
    if (text === "") return undefined;
    const end = text.indexOf("\n");
    const line = end < 0 ? text : text.slice(0, end);
    text = end < 0 ? "" : text.slice(end + 1);
    return line.replace(/\r$/, "");
  };
}
