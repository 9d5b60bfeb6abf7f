/**
 * Makes the data of the demo model: rows for training, rows for validation, and files for evaluation.
 *
 *     deno run -A models/demo/recipe/prepare.ts --data DIR --out DIR
 *
 * `DIR` of `--data` holds `flickr8k-cn` and `tiny-imagenet-126`. The same seed gives the same files; a run that was ended
 * is started again, and leaves alone what is there.
 *
 * @module
 */
import { parseFlags } from "../../../cli/flags.ts";
import { writeFiles } from "../../../cli/write_files.ts";
import { captionEvaluation, type EvaluationRow, questionEvaluation } from "./prepare/evaluation_rows.ts";
import { Draws } from "./prepare/draws.ts";
import { factsOf } from "./prepare/facts.ts";
import { objectRows } from "./prepare/object_rows.ts";
import { type ObjectClass, type ObjectPhoto, type PackedFile, type Photo, readPack, unpack } from "./prepare/pack.ts";
import { photoRows } from "./prepare/photo_rows.ts";
import { balancedQuestions, type BalanceOptions } from "./prepare/questions.ts";
import { type RecipeRow, rowLine } from "./prepare/row.ts";
import { describeRows } from "./prepare/statistics.ts";

const flags = {
  data: { type: "string", value: "DIR", summary: "The folder with flickr8k-cn and tiny-imagenet-126" },
  out: { type: "string", value: "DIR", summary: "The folder to write" },
  seed: { type: "number", value: "N", summary: "Seed of all choices (default 42)" },
  objects: { type: "number", value: "N", summary: "Photos of each class of Tiny-ImageNet (default 20)" },
  questions: {
    type: "number",
    value: "N",
    summary: "Most photos of a topic asked about with one answer (default 600)",
  },
  "more-questions": { type: "number", value: "N", summary: "The same in the rows of practice (default 1500)" },
  "images-last": { type: "number", value: "SHARE", summary: "Rows of practice with the image last (default 0.06)" },
} as const;

/** Photos of the validation split that a training run looks at; `eval` looks at all. */
const watched = 200;

/** Photos of a topic in the evaluation of questions, with each answer: small topics have fewer. */
const evaluated = 100;

const given = parseFlags(Deno.args, flags).flags;
const { data, out, seed = 42, objects = 20, questions: most = 600 } = given;
const { "more-questions": more = 1500, "images-last": last = 0.06 } = given;
if (data === undefined || out === undefined) throw new TypeError("Cannot prepare data: name --data and --out");

const classes: ObjectClass[] = JSON.parse(await Deno.readTextFile(`${data}/tiny-imagenet-126/classes.json`));
const train = await flickr("train");
const val = await flickr("val");
const valRows = val.rows({ seed, most });
const watchedRows = [...Map.groupBy(valRows, ({ image }) => image).values()].slice(0, watched).flat();
const trainRows = train.rows({ seed, most });
const all = mixImages([...trainRows, ...await tiny(seed)], seed);
// Practice asks in other words, more often for yes or no, and now and then before the image.
const practiceRows = [...train.rows({ seed: seed + 1, most: more }), ...await tiny(seed + 1)];
const practice = mixImages(someImagesLast(practiceRows), seed + 1);
await write("train.jsonl", all.map(rowLine));
await write("captions.jsonl", trainRows.filter(({ kind }) => kind === "caption").map(rowLine));
await write("practice.jsonl", practice.map(rowLine));
await write("val.jsonl", watchedRows.map(rowLine));
await write("eval-captions.jsonl", val.captions.map((row) => JSON.stringify(row)));
await write("eval-questions.jsonl", val.questions.map((row) => JSON.stringify(row)));

console.log(["train.jsonl", ...describeRows(all)].join("\n"));
console.log(["practice.jsonl", ...describeRows(practice)].join("\n"));
console.log(["val.jsonl", ...describeRows(watchedRows)].join("\n"));
const groups = Map.groupBy(val.questions, ({ group }) => group);
const shown = [...groups].map(([group, rows]) => `${group} ${rows.length}`);
console.log(
  `eval-captions.jsonl: ${val.captions.length} records; eval-questions.jsonl: ${val.questions.length} records:`,
);
console.log(`  ${shown.join(", ")}`);

/** A split of Flickr8k: its rows, by a seed and the most photos of a topic asked about, and its evaluation. */
interface Split {
  readonly rows: (options: BalanceOptions) => RecipeRow[];
  readonly captions: EvaluationRow[];
  readonly questions: EvaluationRow[];
}

/** Reads a split of Flickr8k. Photos come in a mixed order, all rows of one together. */
async function flickr(split: string): Promise<Split> {
  const pack = `${data}/flickr8k-cn/${split}`;
  const photos = new Draws(seed, split).shuffle(await readPack<Photo>(pack));
  const image = ({ id }: Photo) => `flickr/${id}.jpg`;
  await unpackAll(pack, photos.map((photo) => ({ record: photo, path: image(photo) })));
  const known = photos.map((photo) => ({ photo, facts: factsOf(photo) }));
  const tested = balancedQuestions(known, { seed, most: evaluated });
  return {
    rows: (options) => {
      const asked = balancedQuestions(known, options);
      return known.flatMap((each) =>
        photoRows(each, { seed: options.seed, image: image(each.photo), questions: asked.get(each.photo.id)! })
      );
    },
    captions: known.flatMap((each) => captionEvaluation(each, image(each.photo))),
    questions: known.flatMap(({ photo }) => questionEvaluation(tested.get(photo.id)!, image(photo))),
  };
}

/** Rows of Tiny-ImageNet: the first photos of each class, every other one asked for its own name. */
async function tiny(seed: number): Promise<RecipeRow[]> {
  const pack = `${data}/tiny-imagenet-126/train`;
  const byClass = Map.groupBy(await readPack<ObjectPhoto>(pack), ({ label }) => label);
  const chosen = [...byClass.values()].flatMap((photos) =>
    photos.slice(0, objects).map((photo, i) => ({ photo, own: i % 2 === 0 }))
  );
  const image = ({ file }: ObjectPhoto) => `tiny/${file}`;
  await unpackAll(pack, chosen.map(({ photo }) => ({ record: photo, path: image(photo) })));
  return chosen.flatMap(({ photo, own }) => {
    const shown = classes.find(({ label }) => label === photo.label)!;
    return objectRows(shown, { seed, image: image(photo), classes, own });
  });
}

/** Rows in an order in which those of an image still follow each other: small images fill what large ones leave. */
function mixImages(rows: readonly RecipeRow[], seed: number): RecipeRow[] {
  return new Draws(seed, "images").shuffle([...Map.groupBy(rows, ({ image }) => image).values()]).flat();
}

/** The rows, by chance some of them with the image after the question. */
function someImagesLast(rows: readonly RecipeRow[]): RecipeRow[] {
  const draws = new Draws(seed, "images last");
  return rows.map((row) => draws.chance(last) ? { ...row, imageLast: true } : row);
}

async function unpackAll(pack: string, files: readonly PackedFile[]): Promise<void> {
  for (const folder of ["flickr", "tiny"]) await Deno.mkdir(`${out}/images/${folder}`, { recursive: true });
  const written = await unpack(pack, files.map(({ record, path }) => ({ record, path: `${out}/images/${path}` })));
  console.log(`${pack}: ${written} of ${files.length} images written, the others are there`);
}

/** A file that is there in part never is. */
async function write(name: string, lines: readonly string[]): Promise<void> {
  const text = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(""));
  await writeFiles([{ path: `${out}/${name}`, chunks: () => [text] }], { force: true });
}
