import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { clipPreprocessor, parsePreprocessor, siglipPreprocessor } from "../../data/image/mod.ts";

const openai = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
} as const;
const half = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;

Deno.test("parsePreprocessor() reads the file of openai/clip-vit-base-patch16", () => {
  const config = {
    crop_size: 224,
    do_center_crop: true,
    do_normalize: true,
    do_resize: true,
    feature_extractor_type: "CLIPFeatureExtractor",
    image_mean: openai.mean,
    image_std: openai.std,
    resample: 3,
    size: 224,
  };
  assertEquals(parsePreprocessor(config), clipPreprocessor({ size: 224, ...openai }));
});

Deno.test("parsePreprocessor() reads the file of a SigLIP model", () => {
  const config = {
    do_convert_rgb: null,
    do_normalize: true,
    do_rescale: true,
    do_resize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_processor_type: "SiglipImageProcessor",
    image_std: [0.5, 0.5, 0.5],
    processor_class: "SiglipProcessor",
    resample: 2,
    rescale_factor: 0.00392156862745098,
    size: { height: 256, width: 256 },
  };
  const expected = siglipPreprocessor({ size: 256, ...half }, { filter: "bilinear" });
  assertEquals(parsePreprocessor(config), { ...expected, crop: undefined });
});

Deno.test("parsePreprocessor() takes the defaults of the class, in any version of its name", () => {
  for (const type of ["CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPImageProcessorPil"]) {
    assertEquals(parsePreprocessor({ image_processor_type: type }), clipPreprocessor({ size: 224, ...openai }));
  }
  const siglip = { ...siglipPreprocessor({ size: 224, ...half }), crop: undefined };
  assertEquals(parsePreprocessor({ image_processor_type: "SiglipImageProcessorFast" }), siglip);
});

Deno.test("parsePreprocessor() reads sizes, steps, filters and numbers in every form", () => {
  const read = (fields: Record<string, unknown>) =>
    parsePreprocessor({ image_processor_type: "CLIPImageProcessor", ...fields });
  assertEquals(read({ size: { shortest_edge: 300 } }).resize?.to, { shortestEdge: 300 });
  assertEquals(read({ size: { height: 3, width: 4, shortest_edge: null } }).resize?.to, { width: 4, height: 3 });
  assertEquals(read({ crop_size: { height: 3, width: 4 } }).crop, { width: 4, height: 3 });
  assertEquals(read({ resample: 1 }).resize?.filter, "lanczos");
  assertEquals(read({ image_mean: 0.5, image_std: 2 }).normalize, { mean: [0.5, 0.5, 0.5], std: [2, 2, 2] });
  const none = { do_resize: false, do_center_crop: false, do_rescale: false, do_normalize: false };
  assertEquals(read(none), { resize: undefined, crop: undefined, scale: undefined, normalize: undefined });
});

Deno.test("parsePreprocessor() refuses unknown processors and wrong fields, naming them", () => {
  const refused = (config: unknown, message: string) =>
    assertThrows(() => parsePreprocessor(config), ConfigError, message);
  const known = "is none of CLIPImageProcessor, SiglipImageProcessor";
  refused({}, `Cannot read "image_processor_type" of "preprocessor_config.json": undefined ${known}`);
  for (const type of ["Siglip2ImageProcessor", "ViTImageProcessor", "toStringImageProcessor", "CLIP", 3]) {
    refused({ image_processor_type: type }, `${JSON.stringify(type)} ${known}`);
  }
  refused([], "is not an object");
  const clip = (fields: Record<string, unknown>, message: string) =>
    refused({ image_processor_type: "CLIPImageProcessor", ...fields }, message);
  clip({ size: { longest_edge: 9 } }, `"size" of "preprocessor_config.json": {"longest_edge":9} has neither`);
  clip({ size: { shortest_edge: 8, longest_edge: 9 } }, "has neither");
  clip({ size: { height: 8 } }, "has neither");
  clip({ size: { shortest_edge: 0 } }, `"shortest_edge" of "preprocessor_config.json.size": 0 is not a whole number`);
  clip({ size: "224" }, "has neither");
  clip({ size: [224, 224] }, "is not an object");
  clip({ crop_size: { shortest_edge: 3 } }, `"crop_size"`);
  clip({ crop_size: 2.5 }, "2.5 is not a whole number");
  clip({ resample: 0 }, "0 is not 1 or 2 or 3");
  clip({ do_resize: "yes" }, `"yes" is not true or false`);
  clip({ rescale_factor: -1 }, `"rescale_factor"`);
  clip({ image_mean: [0.5, 0.5] }, "[0.5,0.5] is not three numbers");
  clip({ image_std: [1, 0, 1] }, "[1,0,1] has a 0");
  const siglip = { image_processor_type: "SiglipImageProcessor" };
  // transformers 4 fails on it, and 5 takes it for the shorter edge, which makes no square.
  refused({ ...siglip, size: 256 }, "256 has neither");
  refused({ ...siglip, do_center_crop: true }, `"crop_size"`);
});
