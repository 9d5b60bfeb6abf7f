import { assertEquals } from "@std/assert";
import type { ParameterOrigin, TensorSource } from "../../core/weights.ts";
import { formatLoad, summariseLoad } from "../../data/load_summary.ts";

const language: TensorSource = new Map();
const vision: TensorSource = new Map();
const labels = new Map([[language, "sft_vlm_512.pth"], [vision, "clip/model.safetensors"]]);

const origin = (name: string, shape: number[], source?: TensorSource): ParameterOrigin => ({ name, shape, source });

Deno.test("summariseLoad() counts tensors and parameters of each part and where they came from", () => {
  const parts = summariseLoad([
    origin("model.embed_tokens.weight", [6400, 512], language),
    origin("model.norm.weight", [512], language),
    origin("vision_proj.vision_proj.0.weight", [512, 768]),
    origin("vision_proj.vision_proj.0.bias", [512], language),
    origin("vision_model.post_layernorm.bias", [768], vision),
  ], { labels });
  assertEquals(parts.map(({ part, total, loaded, from }) => [part, total, loaded, from]), [
    ["decoder", { tensors: 2, parameters: 3_277_312 }, { tensors: 2, parameters: 3_277_312 }, ["sft_vlm_512.pth"]],
    ["projector", { tensors: 2, parameters: 393_728 }, { tensors: 1, parameters: 512 }, ["sft_vlm_512.pth"]],
    ["encoder", { tensors: 1, parameters: 768 }, { tensors: 1, parameters: 768 }, ["clip/model.safetensors"]],
  ]);
  assertEquals(parts.map(({ missing }) => missing), [[], ["vision_proj.vision_proj.0.weight"], []]);
  assertEquals(
    formatLoad(parts),
    "loaded 100 % of decoder from sft_vlm_512.pth (2 of 2 tensors, 3,277,312 parameters); " +
      "1 % of projector from sft_vlm_512.pth (1 of 2 tensors, 512 parameters); " +
      "100 % of encoder from clip/model.safetensors (1 of 1 tensors, 768 parameters)",
  );
});

Deno.test("formatLoad() says 100 % and 0 % only where they are exact", () => {
  const line = (loaded: number, total: number) =>
    formatLoad(summariseLoad([origin("a", [loaded], language), origin("b", [total - loaded])])).split(" of ")[0];
  assertEquals([line(99_999, 100_000), line(1, 100_000), line(50, 100)], ["loaded 99 %", "loaded 1 %", "loaded 50 %"]);
  assertEquals(formatLoad(summariseLoad([origin("a", [5])])), "loaded 0 % of decoder (0 of 1 tensors, 0 parameters)");
  assertEquals(formatLoad([]), "loaded nothing");
});

Deno.test("summariseLoad() takes another rule for parts, and leaves out parts without parameters", () => {
  const parts = summariseLoad([origin("tower.w", [2], vision)], { partOf: () => "encoder" });
  assertEquals(parts.map(({ part, from }) => [part, from]), [["encoder", []]]);
});
