/**
 * Lines that somebody types, or that another program sends.
 *
 * @module
 */

/** Gives the next line without its end, or undefined when there are no more. */
export type ReadLine = (prompt: string) => Promise<string | undefined>;

/** A line that ends in a backslash goes on in the next one. */
export function joinLines(next: ReadLine): ReadLine {
  return async (text) => {
    let all = "";
    for (let line = await next(text);; line = await next("…")) {
      if (line === undefined) return all === "" ? undefined : all;
      if (!line.endsWith("\\")) return all + line;
      all += `${line.slice(0, -1)}\n`;
    }
  };
}

/** Lines of a stream; nobody is prompted for them. */
export function streamReader(stream: ReadableStream<Uint8Array>): ReadLine {
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
