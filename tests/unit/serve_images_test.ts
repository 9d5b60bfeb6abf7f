import { assertEquals, assertNotMatch, assertRejects } from "@std/assert";
import { openImageFolder } from "../../sdk/image_folder.ts";
import { ApiError } from "../../serve/api_error.ts";
import { type ImageRules, readImages } from "../../serve/request/images.ts";
import { imagePath } from "../e2e/tiny_model.ts";
import { redPixel, TestServer } from "./serving.ts";

const { signal } = new AbortController();
const read = (text: string, rules: ImageRules = {}) => readImages([{ text, place: "here" }], { rules, signal });

async function refused(text: string, rules: ImageRules = {}): Promise<readonly [number, string]> {
  const error = await assertRejects(() => read(text, rules), ApiError);
  assertEquals(error.body.error.param, "here");
  return [error.status, error.message.replace('Cannot read "here": ', "")];
}

const uri = (bytes: Uint8Array) => `data:application/octet-stream;base64,${bytes.toBase64()}`;
const fixture = (name: string) => Deno.readFileSync(imagePath(name));

Deno.test("readImages() takes data URIs, base64 and base64url", async () => {
  const jpeg = fixture("baseline.jpg");
  const base64 = jpeg.toBase64();
  for (
    const text of [uri(jpeg), base64, jpeg.toBase64({ alphabet: "base64url" }), base64.replaceAll(/.{76}/g, "$&\n")]
  ) {
    const [file] = await read(text);
    assertEquals([await file!.bytes(), file!.name], [jpeg, "here"]);
  }
});

Deno.test("readImages() refuses animated, damaged, foreign and oversized files, each with its reason", async () => {
  const animated = "it is animated, and only still pictures are read";
  assertEquals(await refused(uri(fixture("animated.gif"))), [400, animated]);
  assertEquals(await refused(uri(fixture("animated.webp"))), [400, animated]);
  const [status] = await refused(uri(fixture("rgb_8.png").subarray(0, 60)));
  assertEquals(status, 400);
  const foreign = uri(new TextEncoder().encode("<svg xmlns='x'/>"));
  assertEquals(await refused(foreign), [400, "its format is SVG; JPEG, PNG, WebP and GIF are read"]);
  const size = fixture("baseline.jpg").length;
  const large = await refused(uri(fixture("baseline.jpg")), { maxImageBytes: size - 1 });
  assertEquals(large, [413, `it has more than the ${size - 1} bytes allowed`]);
  const [many, why] = await refused(uri(fixture("baseline.jpg")), { maxPixels: 10 });
  assertEquals([many, /pixels are more than the 10 allowed$/.test(why)], [413, true]);
  assertEquals(await refused("data:image/png;base64,%%%"), [400, "the data are not base64"]);
  assertEquals(await refused("data:image/png"), [400, "the data URI has no comma before its data"]);
});

Deno.test("readImages() takes no longer over a long text that is no base64 than over one that is", async () => {
  const start = performance.now();
  const [status, why] = await refused(`${" ".repeat(2 ** 20)}!`);
  assertEquals([status, why], [400, "it is neither a data URI nor base64"]);
  assertEquals(performance.now() - start < 5000, true); // a pattern that tries again would take half an hour
});

Deno.test("readImages() refuses more images than allowed", async () => {
  const references = Array.from({ length: 3 }, (_, i) => ({ text: redPixel, place: `image ${i}` }));
  const error = await assertRejects(() => readImages(references, { rules: { maxImages: 2 }, signal }), ApiError);
  assertEquals([error.body.error.code, error.body.error.param], ["too_many_images", "image 2"]);
});

Deno.test("readImages() reads neither files nor addresses unless it is allowed to", async () => {
  assertEquals((await refused("file:///etc/passwd"))[1], "files are not read here; send a data URI");
  assertEquals(
    (await refused("https://a.example/x"))[1],
    "images are not fetched from addresses here; send a data URI",
  );
  for (const text of ["/etc/passwd", "../x.png", "C:\\x.png", "javascript:alert(1)", "blob:x", "hf:a/b"]) {
    const [, why] = await refused(text);
    // A path of letters and slashes is base64 as well, of no image.
    assertEquals(/^(it is neither|the data are not|its format is|it is empty)/.test(why), true, why);
  }
});

Deno.test("readImages() reads files of the allowed folder, and says nothing of any other", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/open/inner`, { recursive: true });
    await Deno.writeFile(`${folder}/open/inner/a b.png`, fixture("rgb_8.png"));
    await Deno.writeFile(`${folder}/secret.png`, fixture("rgb_8.png"));
    await Deno.symlink(`${folder}/secret.png`, `${folder}/open/link.png`);
    const rules = { readFile: openImageFolder(`${folder}/open`) };
    for (const text of ["file://inner/a b.png", "file:inner/a%20b.png", `file://${folder}/open/inner/a b.png`]) {
      assertEquals((await read(text, rules)).length, 1);
    }
    const outside = [
      "file://../secret.png",
      "file://inner/../../secret.png",
      "file://..%2fsecret.png",
      "file://%2e%2e/secret.png",
      "file://....//secret.png",
      "file://..\\secret.png",
      "file://inner%00/../../secret.png",
      "file://link.png",
      `file://${folder}/secret.png`,
      "file:///etc/passwd",
      "file://localhost/etc/passwd",
      "file://",
      "file:///proc/self/environ",
      "file://%zz",
      "FILE://../secret.png",
    ];
    for (const text of outside) {
      assertEquals(await refused(text, rules), [400, "there is no such file among those that may be read"], text);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("an image whose pixels are damaged is refused with the field that it came in, and without a path or a trace", async () => {
  await using server = await TestServer.start();
  const png = fixture("rgb_8.png");
  const jpeg = fixture("baseline.jpg");
  for (const bytes of [jpeg.subarray(0, jpeg.length / 2), png.subarray(0, png.length - 20)]) {
    const messages = [{ role: "user", content: [{ type: "image_url", image_url: { url: uri(bytes) } }] }];
    for (const stream of [false, true]) {
      const { status, json, text } = await server.chat({ messages, stream });
      assertEquals([status, json.at("error.code")], [400, "invalid_image"]);
      assertEquals(String(json.at("error.message")).includes("messages[0].content[0].image_url"), true);
      assertNotMatch(text, /\.ts|file:|\/\w+\/\w+\//);
    }
  }
});

Deno.test("bodies that are too long, cut off or no JSON are refused", async () => {
  await using server = await TestServer.start({ maxBodyBytes: 1000 });
  const bodies: readonly (readonly [BodyInit, number])[] = [
    ["x".repeat(1001), 413],
    ["", 400],
    ['{"messages":', 400],
    ["[]", 400],
    ["null", 400],
    ['"text"', 400],
    [new Uint8Array([0xff, 0xfe]), 400],
    ["[".repeat(900), 400],
  ];
  for (const [body, expected] of bodies) {
    for (const path of ["/v1/chat/completions", "/v1/completions", "/tokenize", "/apply-template"]) {
      assertEquals((await server.post(path, body as string, { body })).status, expected);
    }
  }
  const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(400)) });
  assertEquals((await server.send("/tokenize", { method: "POST", body: endless })).status, 413);
});
