/**
 * Writes parquet files in which the lists of a column go on from page to page, as older writers have them.
 *
 * @module
 */

/** A field of a Thrift struct: its type and value; `i64` takes whole numbers too. */
type Field =
  | readonly ["i32" | "i64", number]
  | readonly ["text", string]
  | readonly ["struct", Struct]
  | readonly ["list", readonly Field[]];

/** Fields by number. */
type Struct = Readonly<Record<number, Field>>;

const types = { i32: 5, i64: 6, text: 8, list: 9, struct: 12 } as const;

/** Rows of {@link tinyParquet}. */
export interface TinyRow {
  /** The JSON of its turns. */
  readonly conversations: string;
  /** Its images, at least one. */
  readonly images: readonly Uint8Array[];
}

/** A file of plain pages of version 1; those of `image_bytes` have `valuesPerPage` images, whichever row they are of. */
export function tinyParquet(rows: readonly TinyRow[], valuesPerPage: number): Uint8Array<ArrayBuffer> {
  const out: number[] = [..."PAR1"].map((letter) => letter.charCodeAt(0));
  const texts = rows.map(({ conversations }) => new TextEncoder().encode(conversations));
  const text = { start: out.length, values: texts.length, path: ["conversations"], end: 0 };
  out.push(...page(texts, []));
  text.end = out.length;
  const values = rows.flatMap(({ images }) => images.map((bytes, i) => ({ bytes, level: i === 0 ? 0 : 1 })));
  const list = { start: out.length, values: values.length, path: ["image_bytes", "list", "element"], end: 0 };
  for (let i = 0; i < values.length; i += valuesPerPage) {
    const part = values.slice(i, i + valuesPerPage);
    const repeats = part.map(({ level }) => level);
    out.push(...page(part.map(({ bytes }) => bytes), [repeats, part.map(() => 3)]));
  }
  list.end = out.length;
  const footer = struct({
    1: ["i32", 1],
    2: ["list", [
      element({ name: "schema", children: 2 }),
      element({ name: "conversations", type: 6, repetition: 0, converted: 0 }),
      element({ name: "image_bytes", repetition: 1, children: 1, converted: 3 }),
      element({ name: "list", repetition: 2, children: 1 }),
      element({ name: "element", type: 6, repetition: 1 }),
    ]],
    3: ["i64", rows.length],
    4: ["list", [["struct", {
      1: [
        "list",
        [text, list].map(({ start, end, values, path }): Field => ["struct", {
          2: ["i64", start],
          3: ["struct", {
            1: ["i32", 6],
            2: ["list", [["i32", 0]]],
            3: ["list", path.map((name): Field => ["text", name])],
            4: ["i32", 0],
            5: ["i64", values],
            6: ["i64", end - start],
            7: ["i64", end - start],
            9: ["i64", start],
          }],
        }]),
      ],
      2: ["i64", out.length],
      3: ["i64", rows.length],
    }]]],
  });
  return new Uint8Array([...out, ...footer, ...little(footer.length), ...out.slice(0, 4)]);
}

/** A page with values and, for lists, their repetition and definition levels. */
function page(values: readonly Uint8Array[], levels: readonly (readonly number[])[]): number[] {
  const runs = levels.map((level) => level.flatMap((value) => [2, value])); // runs of one
  const body = [
    ...runs.flatMap((run) => [...little(run.length), ...run]),
    ...values.flatMap((value) => [...little(value.length), ...value]),
  ];
  const header: Struct = { 1: ["i32", values.length], 2: ["i32", 0], 3: ["i32", 3], 4: ["i32", 3] };
  const size: Field = ["i32", body.length];
  return [...struct({ 1: ["i32", 0], 2: size, 3: size, 5: ["struct", header] }), ...body];
}

function element(
  { name, type, repetition, children, converted }: {
    readonly name: string;
    readonly type?: number;
    readonly repetition?: number;
    readonly children?: number;
    readonly converted?: number;
  },
): Field {
  const number = (id: number, value: number | undefined): Struct => value === undefined ? {} : { [id]: ["i32", value] };
  const fields = { ...number(1, type), ...number(3, repetition), ...number(5, children), ...number(6, converted) };
  return ["struct", { ...fields, 4: ["text", name] }];
}

/** Thrift's compact protocol. */
function struct(fields: Struct): number[] {
  let last = 0;
  const bytes = Object.entries(fields).flatMap(([key, field]) => {
    const delta = Number(key) - last;
    last = Number(key);
    return [delta << 4 | types[field[0]], ...encode(field)];
  });
  return [...bytes, 0];
}

function encode([type, value]: Field): number[] {
  if (type === "struct") return struct(value);
  if (type === "list") {
    return [value.length << 4 | types[value[0]![0]], ...value.flatMap((element) => encode(element))];
  }
  if (type !== "text") return varint(2 * value);
  const bytes = new TextEncoder().encode(value);
  return [...varint(bytes.length), ...bytes];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [value % 128 | 128, ...varint(Math.floor(value / 128))];
}

function little(value: number): number[] {
  return [...new Uint8Array(new Uint32Array([value]).buffer)];
}
