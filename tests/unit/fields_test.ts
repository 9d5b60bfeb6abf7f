import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { Fields } from "../../core/fields.ts";

const refused = (read: () => unknown) => assertThrows(read, ConfigError).message;

Deno.test("Fields takes fallbacks for absent and null fields", () => {
  const fields = new Fields({ layers: null }, "config");
  assertEquals(fields.integer("layers", 8), 8);
  assertEquals(fields.number("eps", 1e-5), 1e-5);
  assertEquals(fields.boolean("tied", true), true);
  assertEquals(fields.choice("act", ["silu", "gelu"], "silu"), "silu");
  assertEquals(fields.integers("widths", [1, 2]), [1, 2]);
  assertEquals(fields.object("vision"), undefined);
  assertEquals(fields.has("layers"), false);
});

Deno.test("Fields reads a field under any of its names", () => {
  const fields = new Fields({ dim: 512, n_layers: 4, num_layers: 4 }, "config");
  assertEquals(fields.integer(["hidden_size", "dim"], 768), 512);
  assertEquals(fields.integer(["num_layers", "n_layers"], 8), 4);
  assertEquals(fields.has(["hidden_size", "dim"]), true);
});

Deno.test("Fields refuses two names of a field that differ", () => {
  const fields = new Fields({ hidden_size: 768, dim: 512 }, "config");
  assertEquals(
    refused(() => fields.integer(["hidden_size", "dim"], 1)),
    `Cannot read "hidden_size" of "config": "hidden_size" is 768 but "dim" is 512`,
  );
});

Deno.test("Fields reads lists of whole numbers and refuses what is none", () => {
  const fields = new Fields({ widths: [4, 0], none: [], one: 4, texts: ["4"] }, "config");
  assertEquals(fields.integers("widths", [1], 0), [4, 0]);
  const wanted = "is not a list of whole numbers of 1 or more";
  assertEquals(refused(() => fields.integers("widths", [1])), `Cannot read "widths" of "config": [4,0] ${wanted}`);
  assertEquals(refused(() => fields.integers("none", [1])), `Cannot read "none" of "config": [] ${wanted}`);
  assertEquals(refused(() => fields.integers("one", [1])), `Cannot read "one" of "config": 4 ${wanted}`);
  assertEquals(refused(() => fields.integers("texts", [1])), `Cannot read "texts" of "config": ["4"] ${wanted}`);
});

Deno.test("Fields names the key and the value of a wrong field", () => {
  const fields = new Fields(
    { layers: 1.5, eps: "small", tied: 1, act: "relu", none: 0, vision: { size: -1 } },
    "config",
  );
  assertEquals(
    refused(() => fields.integer("layers", 8)),
    `Cannot read "layers" of "config": 1.5 is not a whole number of 1 or more`,
  );
  assertEquals(
    refused(() => fields.integer("none", 8)),
    `Cannot read "none" of "config": 0 is not a whole number of 1 or more`,
  );
  assertEquals(fields.integer("none", 8, 0), 0);
  assertEquals(
    refused(() => fields.number("eps", 1)),
    `Cannot read "eps" of "config": "small" is not a number above 0`,
  );
  assertEquals(refused(() => fields.number("none", 1)), `Cannot read "none" of "config": 0 is not a number above 0`);
  assertEquals(fields.number("none", 1, { orZero: true }), 0);
  assertEquals(refused(() => fields.boolean("tied", true)), `Cannot read "tied" of "config": 1 is not true or false`);
  assertEquals(
    refused(() => fields.choice("act", ["silu", "gelu"], "silu")),
    `Cannot read "act" of "config": "relu" is not "silu" or "gelu"`,
  );
  assertEquals(
    refused(() => fields.object("vision")?.integer("size", 1)),
    `Cannot read "size" of "config.vision": -1 is not a whole number of 1 or more`,
  );
  assertEquals(refused(() => fields.object("eps")), `Cannot read "config.eps": "small" is not an object`);
  assertEquals(refused(() => new Fields([1], "config")), `Cannot read "config": [1] is not an object`);
});
