import { assertEquals } from "@std/assert";
import { commandHelp } from "../../cli/help.ts";

Deno.test("commandHelp() shows short spellings before a flag, long ones behind its summary, and values where there are", () => {
  const help = commandHelp({
    name: "draw",
    summary: "Draw things",
    usage: "FILE",
    flags: {
      "max-new-tokens": { type: "number", value: "N", summary: "Longest answer", aliases: ["n", "max-tokens"] },
      image: { type: "list", summary: "An image" },
      "show-speed": { type: "switch", summary: "Shows speed", aliases: ["speed"] },
    },
    examples: ["draw a"],
    run: () => Promise.resolve(0),
  });
  assertEquals(help.split("\n"), [
    "Draw things.",
    "",
    "Usage: minimind draw FILE [FLAGS]",
    "",
    "Flags:",
    "  -n, --max-new-tokens N  Longest answer (also --max-tokens)",
    "  --image LIST            An image",
    "  --show-speed            Shows speed (also --speed)",
    "  --help                  Show this help",
    "",
    "Examples:",
    "  minimind draw a",
  ]);
});
