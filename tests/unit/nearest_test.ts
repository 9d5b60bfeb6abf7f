import { assertEquals } from "@std/assert";
import { nearest } from "../../cli/nearest.ts";

const names = ["chat", "verify", "caption"];

Deno.test("nearest() finds a misspelt or a shortened name", () => {
  assertEquals(nearest("verfy", names), "verify");
  assertEquals(nearest("veriyf", names), "verify");
  assertEquals(nearest("capt", names), "caption");
  assertEquals(nearest("chta", ["chat"]), undefined);
  assertEquals(nearest("cht", names), "chat");
});

Deno.test("nearest() gives nothing where no name is near", () => {
  assertEquals(nearest("train", names), undefined);
  assertEquals(nearest("", names), undefined);
  assertEquals(nearest("verify", []), undefined);
});
