import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import type { PixelOptions } from "../../encoders/pixel_options.ts";
import { processorPixels } from "../../encoders/processor_pixels.ts";

const [mean, std] = [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]] as const;
const channels = { image_mean: mean, image_std: std };

function read(config: unknown, given: PixelOptions = {}) {
  const notices: string[] = [];
  const pixels = processorPixels(config, { what: "it", given, notice: (message) => void notices.push(message) });
  return { ...pixels, notices };
}

Deno.test("processorPixels() reads the sizes of CLIP, SigLIP, ViT and older files", () => {
  const clip = { ...channels, size: { shortest_edge: 224 }, crop_size: { height: 224, width: 224 }, resample: 3 };
  const common = { size: 224, mean, std, notices: [] };
  assertEquals<unknown>(read({ ...clip, do_center_crop: true }), { ...common, fit: "crop", filter: "bicubic" });
  assertEquals<unknown>(read(clip), { ...common, fit: "crop", filter: "bicubic" });
  const siglip = { ...channels, size: { height: 224, width: 224 }, resample: 2 };
  assertEquals<unknown>(read(siglip), { ...common, fit: "stretch", filter: "bilinear" });
  assertEquals<unknown>(read({ ...channels, size: 224 }), { ...common, fit: "crop", filter: "bilinear" });
  const older = { ...channels, image_size: 224, crop_size: 224, do_center_crop: true, resample: null };
  assertEquals<unknown>(read(older), { ...common, fit: "crop", filter: "bilinear" });
  const raw = { size: 224, do_normalize: false };
  assertEquals<unknown>([read(raw).mean, read(raw).std], [[0, 0, 0], [1, 1, 1]]);
});

Deno.test("processorPixels() tells when an image is resized to more than is cropped", () => {
  const dinov2 = { ...channels, size: { shortest_edge: 256 }, crop_size: { height: 224, width: 224 } };
  const { size, fit, notices } = read({ ...dinov2, do_center_crop: true });
  assertEquals([size, fit], [224, "crop"]);
  assertEquals(notices, ["it wants images of 256 pixels cropped to 224; here they are resized to 224 at once"]);
  assertEquals(read({ ...dinov2, do_center_crop: true }, { fit: "stretch" }).notices, []);
});

Deno.test("processorPixels() lets what is given go before what the file says", () => {
  const given = { size: 32, mean: std, std: mean, fit: "stretch", filter: "bicubic" } as const;
  assertEquals<unknown>(read({ ...channels, size: 224, resample: 2 }, given), { ...given, notices: [] });
  assertEquals<unknown>(read(undefined, given), { ...given, notices: [] });
});

Deno.test("processorPixels() names what is missing or cannot be followed", () => {
  const refused = (config: unknown) => assertThrows(() => read(config), ConfigError).message;
  const file = `of "preprocessor_config.json of it"`;
  assertEquals(
    refused({ image_mean: mean }),
    "Cannot tell the pixels of it: its files do not say image_size, image_std, so give them",
  );
  assertEquals(
    refused({ ...channels, size: {} }),
    `Cannot read "size" ${file}: it has neither shortest_edge nor height and width`,
  );
  const oblong = { ...channels, size: { height: 224, width: 112 } };
  assertEquals(refused(oblong), `Cannot read "size" ${file}: 224 by 112 pixels are no square`);
  assertEquals(refused({ ...channels, size: 224, resample: 1 }), `Cannot read "resample" ${file}: 1 is not 2 or 3`);
  assertEquals(
    refused({ ...channels, size: "224" }),
    `Cannot read "preprocessor_config.json of it.size": "224" is not an object`,
  );
  assertEquals(refused([]), `Cannot read "preprocessor_config.json of it": [] is not an object`);
});
