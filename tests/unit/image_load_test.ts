import { assertEquals, assertLessOrEqual, assertRejects } from "@std/assert";
import { ImageError } from "../../core/errors.ts";
import { type ImageSource, loadImage, type LoadImageOptions, prepareImage } from "../../data/image/mod.ts";
import { imageFiles, readExpected, readImageFile } from "./image_fixtures.ts";
import { repairChecksums } from "./image_mutations.ts";

const refused = (source: ImageSource, message: string, options?: LoadImageOptions) =>
  assertRejects(() => loadImage(source, options), ImageError, message);

Deno.test("loadImage() gives the pixels that Pillow gives, bit for bit, and CMYK within 2", async () => {
  const expected = readExpected();
  for (const name of imageFiles()) {
    if (name === "animated.webp") continue;
    const { width, height, tolerance, rgb } = expected[name]!;
    const image = await loadImage(readImageFile(name), { name });
    assertEquals([image.width, image.height], [width, height], name);
    const pixels = Uint8Array.from(atob(rgb), (character) => character.charCodeAt(0));
    assertEquals(image.data.length, pixels.length, name);
    const difference = image.data.reduce((most, value, i) => Math.max(most, Math.abs(value - pixels[i]!)), 0);
    assertLessOrEqual(difference, tolerance, name);
  }
});

Deno.test("loadImage() reads bytes, buffers, blobs, data URIs, and paths through readFile", async () => {
  const file = readImageFile("rgb_8.png");
  const { data } = await loadImage(file);
  const escaped = Array.from(file, (byte) => "%" + byte.toString(16).padStart(2, "0")).join("");
  const sources: ImageSource[] = [
    file.buffer,
    new Blob([file]),
    `data:image/png;base64,${file.toBase64()}`,
    `DATA:;charset=x;BASE64,${encodeURIComponent(file.toBase64())}`,
    `data:image/jpeg,${escaped}`, // what it says of its format does not count
  ];
  for (const source of sources) assertEquals((await loadImage(source)).data, data);
  const read: string[] = [];
  const readFile = (path: string, { maxBytes }: { maxBytes: number }) => {
    read.push(path, String(maxBytes));
    return Promise.resolve(file);
  };
  assertEquals((await loadImage("a/b.png", { readFile, maxBytes: 5000 })).data, data);
  assertEquals(read, ["a/b.png", "5000"]);
});

Deno.test("prepareImage() compiles what loadImage() needs of every format, and refuses what its header tells", async () => {
  for (const name of imageFiles()) {
    const file = await readImageFile(name);
    if (await loadImage(file).catch(() => undefined) !== undefined) await prepareImage(file);
  }
  await assertRejects(() => prepareImage(new Uint8Array(20)), ImageError, 'Cannot load "image"');
});

Deno.test("loadImage() leaves the errors of readFile as they are", async () => {
  await assertRejects(() => loadImage("no/such/file.png", { readFile: Deno.readFile }), Deno.errors.NotFound);
});

Deno.test("loadImage() names what it refuses and why", async () => {
  await refused(new Uint8Array(), `Cannot load "image": it is empty`);
  await refused(new File([], "empty.png"), `Cannot load "empty.png": it is empty`);
  await refused("photo.jpg", `Cannot load "photo.jpg": it is no data URI, and no readFile was given for paths`);
  await refused("data:image/png", "the data URI has no comma");
  await refused("data:;base64,%", "the data are not base64");
  await refused("data:,\u{1f600}", "the data have the character");
  const of = (text: string) => new TextEncoder().encode(text);
  const heic = new Uint8Array([0, 0, 0, 24, ...of("ftypheic")]);
  await refused(heic, `Cannot load "a.jpg": its format is HEIC; JPEG, PNG, WebP and GIF are read`, { name: "a.jpg" });
  await refused(of("<svg xmlns='http://www.w3.org/2000/svg'/>"), "its format is SVG");
  await refused(of("nothing at all"), "its format is unknown");
  const oddlyNamed = readImageFile("rgb_8.png");
  oddlyNamed.set([0x07, 0x0a, 0x1b, 0x41], 12);
  await refused(repairChecksums(oddlyNamed), 'its first chunk is "\\u0007\\n\\u001bA" instead of "IHDR"');
  await refused(readImageFile("animated.webp"), `Cannot load "image" as WebP: it is animated`);
});

Deno.test("loadImage() refuses more bytes than allowed, whatever they come from", async () => {
  const file = readImageFile("rgb_8.png");
  const [maxBytes, message] = [file.length - 1, `it has more than the ${file.length - 1} bytes allowed`];
  const readFile = () => Promise.resolve(file);
  for (const source of [file, new Blob([file]), `data:;base64,${file.toBase64()}`, "x.png"]) {
    await refused(source, message, { maxBytes, readFile });
  }
  await refused(`data:,${"%41".repeat(30)}`, "90 characters are more than 20 bytes need", { maxBytes: 20 });
  assertEquals((await loadImage(file, { maxBytes: file.length })).width, 19);
});

/** A file whose header says 60000×60000, or as much as its format can. */
function claimLarge(name: string): Uint8Array {
  const file = readImageFile(name);
  const view = new DataView(file.buffer);
  const set = (at: number) => view.setUint32(at, 60000 * 0x10001);
  const find = (...bytes: number[]) => file.findIndex((_, i) => bytes.every((byte, k) => file[i + k] === byte));
  if (name.endsWith(".jpg")) set(find(0xff, name === "progressive.jpg" ? 0xc2 : 0xc0) + 5);
  if (name.endsWith(".gif")) file.set([0x60, 0xea, 0x60, 0xea], 6);
  if (name === "lossless.webp") file.set([0xff, 0xff, 0xff, 0x0f], 21);
  if (name === "lossy.webp") file.set([0xff, 0x3f, 0xff, 0x3f], 26);
  if (!name.endsWith(".png")) return file;
  view.setUint32(16, 60000);
  view.setUint32(20, 60000);
  return repairChecksums(file);
}

Deno.test("loadImage() refuses more pixels than allowed before it decodes any", async () => {
  for (const name of ["baseline.jpg", "progressive.jpg", "cmyk.jpg", "rgb_8.png", "plain.gif"]) {
    await refused(claimLarge(name), "60000×60000 = 3600000000 pixels are more than the 64000000 allowed", { name });
  }
  for (const name of ["lossless.webp", "lossy.webp"]) {
    await refused(claimLarge(name), "pixels are more than the 64000000 allowed", { name });
  }
  await refused(readImageFile("rgb_8.png"), "19×13 = 247 pixels are more than the 246 allowed", { maxPixels: 246 });
});

Deno.test("loadImage() refuses every beginning of a file", async () => {
  for (const name of ["grey.jpg", "cmyk.jpg", "palette_4.png", "lossless.webp", "lossy_alpha.webp", "plain.gif"]) {
    const file = readImageFile(name);
    const end = name === "plain.gif" ? file.length - 1 : file.length; // all but the mark that nothing follows
    for (let length = 0; length < end; length++) await refused(file.subarray(0, length), "Cannot load", { name });
  }
});

Deno.test("loadImage() unpacks no more of a PNG than its size needs", async () => {
  const zeros = new Blob([new Uint8Array(2 ** 26)]);
  const packed = await new Response(zeros.stream().pipeThrough(new CompressionStream("deflate"))).bytes();
  const chunk = (type: string, data: Uint8Array) => {
    const bytes = new Uint8Array(12 + data.length);
    new DataView(bytes.buffer).setUint32(0, data.length);
    bytes.set(new TextEncoder().encode(type), 4);
    bytes.set(data, 8);
    return bytes;
  };
  const header = new Uint8Array([0, 0, 0, 2, 0, 0, 0, 2, 8, 2, 0, 0, 0]);
  const chunks = [chunk("IHDR", header), chunk("IDAT", packed), chunk("IEND", new Uint8Array())];
  const png = await new Blob([new Uint8Array([137, 80, 78, 71, 13, 10, 26, 10]), ...chunks]).bytes();
  assertEquals((await loadImage(repairChecksums(png))).data, new Uint8Array(12));
});

Deno.test("loadImage() works after a decoder broke down, and while others work", async () => {
  for (const name of ["baseline.jpg", "lossless.webp", "cmyk.jpg"]) {
    const good = readImageFile(name);
    const bad = good.slice();
    bad.fill(0x55, good.length >> 2, good.length - 8);
    const wanted = await loadImage(good);
    const results = await Promise.allSettled([bad, good, bad, good].map((file) => loadImage(file)));
    for (const i of [1, 3]) assertEquals(results[i], { status: "fulfilled", value: wanted });
    if (name !== "baseline.jpg") assertEquals(results[0]!.status, "rejected"); // libjpeg makes something of anything
  }
});

Deno.test("loadImage() refuses JPEG files with fewer bits than blocks", async () => {
  for (const name of ["baseline.jpg", "progressive.jpg", "cmyk.jpg"]) {
    const file = claimLarge(name);
    const [width, height] = [4000, 4000];
    const at = file.findIndex((byte, i) => byte === 0xff && [0xc0, 0xc2].includes(file[i + 1]!)) + 5;
    new DataView(file.buffer).setUint32(at, height * 0x10000 + width);
    await refused(file, `its ${file.length} bytes are too few for 4000×4000 pixels`);
  }
});

Deno.test("loadImage() refuses JPEG files with more scans than an encoder makes", async () => {
  const file = readImageFile("progressive.jpg");
  const scan = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xda);
  const scans = Array.from({ length: 101 }, () => file.subarray(scan, scan + 14));
  const many = await new Blob([file.subarray(0, scan), ...scans, file.subarray(scan)]).bytes();
  await refused(many, "it has more than 100 scans");
});

Deno.test("loadImage() ends with the reason of its signal", async () => {
  const file = readImageFile("rgb_8.png");
  await assertRejects(
    () => loadImage(file, { signal: AbortSignal.abort(new RangeError("enough")) }),
    RangeError,
    "enough",
  );
  const controller = new AbortController();
  const readFile = () => {
    controller.abort(new RangeError("enough"));
    return Promise.resolve(file);
  };
  await assertRejects(() => loadImage("x", { signal: controller.signal, readFile }), RangeError, "enough");
});
