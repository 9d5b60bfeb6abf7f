import { assert, assertEquals, assertMatch } from "@std/assert";
import { denoArguments, minimind, RunningCommand } from "./run_command.ts";
import { imagePath, TinyFolder } from "./tiny_model.ts";

/** Lines of a caption file. */
async function records(path: string): Promise<{ file: string; text?: string; error?: string; reason?: string }[]> {
  const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

async function fillWithImages(photos: string): Promise<void> {
  await Deno.mkdir(`${photos}/more`, { recursive: true });
  const images = { "a.png": "rgb_8.png", "c.JPG": "grey.jpg", "more/d.gif": "plain.gif" };
  for (const [name, from] of Object.entries(images)) await Deno.copyFile(imagePath(from), `${photos}/${name}`);
  await Deno.writeTextFile(`${photos}/b.webp`, "damaged");
}

Deno.test("minimind caption writes a line for each image, records what fails, and goes on where a file ends", async () => {
  await using folder = await TinyFolder.create();
  const [photos, out] = [`${folder.path}/photos`, `${folder.path}/captions.jsonl`];
  await fillWithImages(photos);
  const args = ["caption", photos, folder.model, "--out", out, "-n", "6"];
  const allow = [`allow-read=${folder.path}`, `allow-write=${out}`];
  const flat = await minimind(args, { allow });
  assertEquals([flat.code, flat.stdout], [1, ""]);
  assertMatch(flat.stderr, /^captioned 2, 1 failed, in [\d.]+ s\n$/m);
  const first = await records(out);
  assertEquals(first.map(({ file }) => file), ["a.png", "b.webp", "c.JPG"]);
  assertMatch(first[1]!.error!, /^Cannot load ".*b\.webp": /);
  assertEquals([first[0]!.text!.length, first[0]!.reason], [6, "length"]);

  // What was written is not touched, apart from a line that was cut off.
  const written = await Deno.readTextFile(out);
  await Deno.writeTextFile(out, `${written}{"file":"more/d.g`);
  const deep = await minimind([...args, "--recursive"], { allow });
  assertMatch(deep.stderr, /^captioned 1, 2 were done before, 1 failed, in [\d.]+ s\n$/m);
  assertEquals((await Deno.readTextFile(out)).slice(0, written.length), written);
  assertEquals((await records(out)).map(({ file }) => file), ["a.png", "b.webp", "c.JPG", "more/d.gif"]);

  await Deno.copyFile(imagePath("lossy.webp"), `${photos}/b.webp`);
  assertEquals((await minimind([...args, "--recursive"], { allow })).code, 0);
  const done = await minimind([...args, "--recursive"], { allow });
  assertMatch(done.stderr, /^captioned 0, 4 were done before, in [\d.]+ s\n$/);
  assertEquals((await records(out)).length, 5);
});

Deno.test("minimind caption gives the same captions to stdout as to a file that was gone on with", async () => {
  await using folder = await TinyFolder.create();
  const photos = `${folder.path}/photos`;
  await fillWithImages(photos);
  const args = ["caption", photos, folder.model, "-n", "5", "-q"];
  const { stdout } = await minimind(args);
  const texts = stdout.trimEnd().split("\n").map((line) => JSON.parse(line).text);
  const out = `${folder.path}/captions.jsonl`;
  const head = stdout.slice(0, stdout.indexOf("\n") + 1);
  await Deno.writeTextFile(out, head);
  await minimind([...args, "--out", out], { allow: ["allow-read", `allow-write=${out}`] });
  assertEquals((await records(out)).map(({ text }) => text), texts);

  const lines = async (...more: string[]) => {
    const { code, stdout } = await minimind([...args, ...more, "--recursive"]);
    assertEquals(code, 1); // for the damaged one
    return stdout.trimEnd().split("\n").map((line) => JSON.parse(line)).map(({ file, text }) => ({ file, text }));
  };
  for (const search of [[], ["--beam", "3"]]) {
    const [single, several] = [await lines(...search, "-b", "1"), await lines(...search, "--batch-size", "3")];
    assertEquals(several, single);
    assertEquals(several.map(({ file }) => file), ["a.png", "b.webp", "c.JPG", "more/d.gif"]);
  }
});

Deno.test("minimind caption refuses a file that is none of its own, a folder without images, and a lack of one", async () => {
  await using folder = await TinyFolder.create();
  const [photos, out] = [`${folder.path}/photos`, `${folder.path}/notes.txt`];
  await fillWithImages(photos);
  await Deno.writeTextFile(out, "my notes\n");
  const allow = ["allow-read", "allow-write"];
  const message = async (...args: string[]) => (await minimind(["caption", ...args], { allow })).stderr;
  assertMatch(
    await message(photos, "--out", out),
    /^minimind: Cannot go on with ".*notes\.txt": line 1 is no caption\n$/,
  );
  assertEquals(await Deno.readTextFile(out), "my notes\n");
  assertMatch(await message(folder.model), /^minimind: Cannot caption ".*tiny": it has no images\n$/);
  assertMatch(await message(`${photos}/none`), /^minimind: Cannot read ".*none": there is no such folder\n$/);
  assertEquals(await message(), "minimind: Cannot caption: name a folder of images\n");
});

Deno.test("Ctrl-C ends minimind caption with whole lines, and says how many images are left", async () => {
  await using folder = await TinyFolder.create();
  const [photos, out] = [`${folder.path}/photos`, `${folder.path}/captions.jsonl`];
  await Deno.mkdir(photos);
  for (let i = 10; i < 60; i++) await Deno.copyFile(imagePath("plain.gif"), `${photos}/${i}.gif`);
  const args = ["caption", photos, folder.model, "--out", out, "-n", "500", "--temp", "0", "--backend", "reference"];
  const allow = ["allow-read", `allow-write=${out}`];
  await using command = new RunningCommand(Deno.execPath(), denoArguments(args, { allow }));
  while (((await Deno.stat(out).catch(() => undefined))?.size ?? 0) === 0) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertEquals(await command.interrupted(), 130);
  const done = (await records(out)).length;
  assert(done > 0 && done < 50);
  assertMatch(command.stderr, new RegExp(`^captioned ${done}, ${50 - done} are left, in [\\d.]+ s$`, "m"));
});
