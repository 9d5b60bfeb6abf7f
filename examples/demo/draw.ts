/**
 * Paints the pictures of this example: `deno run --allow-write=. examples/demo/draw.ts [DIR]`.
 *
 * @module
 */
import encode from "@jsquash/jpeg/encode.js";
import { scenes } from "./scenes.ts";

const [folder = new URL("images", import.meta.url).pathname] = Deno.args;
const width = 400, height = 300, samples = 3;
await Deno.mkdir(folder, { recursive: true });
for (const [name, scene] of scenes) {
  const data = new Uint8ClampedArray(4 * width * height).fill(255);
  for (let i = 0; i < width * height; i++) {
    const sum = [0, 0, 0];
    for (let s = 0; s < samples * samples; s++) {
      const x = i % width + (s % samples + 0.5) / samples;
      const y = Math.floor(i / width) + (Math.floor(s / samples) + 0.5) / samples;
      for (const [c, part] of scene(x / height, y / height).entries()) sum[c]! += part;
    }
    for (let c = 0; c < 3; c++) data[4 * i + c] = 255 * sum[c]! / samples ** 2;
  }
  const jpeg = await encode({ data, width, height, colorSpace: "srgb" } as ImageData, { quality: 85 });
  await Deno.writeFile(`${folder}/${name}.jpg`, new Uint8Array(jpeg));
}
