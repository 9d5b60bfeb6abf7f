import { assert, assertEquals } from "@std/assert";
import { barLine, DownloadBar } from "../../cli/download_bar.ts";
import type { DownloadProgress } from "../../data/hub/mod.ts";

const progress: DownloadProgress = {
  file: "hf:a/b/model.bin",
  phase: "downloading",
  loaded: 250_000_000,
  total: 1_000_000_000,
  filesDone: 1,
  files: 4,
};

Deno.test("barLine() shows share, bytes, speed, time left and file", () => {
  const line = barLine(progress, { rate: 12_500_000, columns: 120 });
  assertEquals(line, " 25 %  █████░░░░░░░░░░░░░░░  250.0 MB of 1.0 GB  12.5 MB/s  1:00  model.bin (2 of 4)");
  assertEquals(barLine(progress, { rate: 0, columns: 70 }), " 25 %  250.0 MB of 1.0 GB  model.bin (2 of 4)");
  assertEquals(barLine({ ...progress, total: undefined }, { rate: 0 }), "250.0 MB  model.bin (2 of 4)");
  assertEquals(
    barLine({ ...progress, phase: "checking", loaded: 1_000_000_000 }, { rate: 1, columns: 70 }),
    "100 %  1.0 GB of 1.0 GB  checking model.bin (2 of 4)",
  );
  assert(barLine(progress, { rate: 1e6, columns: 30 }).length < 30);
});

Deno.test("DownloadBar redraws one line of a terminal ten times a second, and elsewhere writes few lines", () => {
  for (const [columns, expected] of [[100, 21], [undefined, 1]] as const) {
    const written: string[] = [];
    let now = 0;
    const bar = new DownloadBar({ columns, write: (text) => written.push(text) }, () => now);
    for (; now <= 2000; now += 10) bar.update(progress);
    assertEquals(written.length, expected);
    const terminal = columns !== undefined;
    assert(written.every((text) => text.startsWith("\r") === terminal && text.endsWith("\n") !== terminal));
    bar.update({ ...progress, loaded: 1_000_000_000, filesDone: 3 });
    assertEquals(written.length, expected + 1);
    bar[Symbol.dispose]();
    assertEquals(written.at(-1) === "\n", terminal);
  }
});
