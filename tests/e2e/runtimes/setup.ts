/**
 * A folder with everything that a job needs in another runtime, and what should come of it.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { type Outcome, runJob } from "./job.ts";
import { tinyModel } from "./tiny_model.ts";

const root = new URL("../../../", import.meta.url);

/** A folder with the bundles of `mod.ts` and `job.ts`, and the model's files in `model/`. */
export interface Setup extends AsyncDisposable {
  /** URL of the folder, with a slash at its end. */
  readonly folder: URL;
  /** Images for a job, a JPEG and a PNG, as data URIs. */
  readonly images: readonly string[];
  /** What the job gives in Deno, with the library's source, on one thread. */
  readonly expected: Outcome;
}

/** Makes the folder and does the job here. */
export async function setUp(): Promise<Setup> {
  const folder = new URL(`file://${await Deno.makeTempDir()}/`);
  await Deno.mkdir(new URL("model", folder));
  for (const [name, bytes] of tinyModel()) await Deno.writeFile(new URL(`model/${name}`, folder), bytes);
  const images = [["baseline.jpg", "image/jpeg"], ["rgb_8.png", "image/png"]].map(([name, type]) => {
    const bytes = Deno.readFileSync(new URL(`tests/fixtures/images/${name}`, root));
    return `data:${type};base64,${bytes.toBase64()}`;
  });
  const [expected] = await Promise.all([
    runJob({ library: new URL("mod.ts", root).href, config: modelIn(folder), images, threads: 1 }),
    bundle(["mod.ts", "tests/e2e/runtimes/job.ts"], folder),
  ]);
  assertEquals(expected.answers.map(({ text }) => text), expected.answers.map(({ pieces }) => pieces));
  const [first, second] = expected.answers;
  assertEquals([first?.text === second?.text, expected.answers.length, expected.notices], [false, 2, []]);
  return { folder, images, expected, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
}

/** The model in a folder on the disk. */
export function modelIn(folder: URL): { readonly model: string } {
  return { model: new URL("model", folder).pathname };
}

/** In a process of its own, because its packages are none of the project's. */
async function bundle(modules: readonly string[], folder: URL): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--allow-all", "tools/bundle.ts", folder.pathname, ...modules],
    cwd: root,
    stdout: "null",
  }).output();
  assertEquals(success, true, new TextDecoder().decode(stderr));
}
