/**
 * Puts the model together that training starts from: a trained encoder and tokenizer, projector and decoder with drawn
 * weights, in a folder like any other model's.
 *
 *     deno run -A models/demo/recipe/start.ts --encoder DIR --tokenizer DIR --out DIR
 *
 * @module
 */
import { parseFlags } from "../../../cli/flags.ts";
import { planParameters } from "../../../core/model_plans.ts";
import { createFileStore } from "../../../sdk/file_store.ts";
import { loadModel } from "../../../sdk/load_model.ts";
import { initialise } from "../../../trainers/initialise.ts";
import { writeModelFiles } from "../../../trainers/model_files.ts";

const flags = {
  encoder: { type: "string", value: "DIR", summary: "The folder of the encoder" },
  tokenizer: { type: "string", value: "DIR", summary: "The folder of the tokenizer" },
  decoder: { type: "string", value: "FILE", summary: "The decoder's config.json (default the one beside this script)" },
  out: { type: "string", value: "DIR", summary: "The folder to write" },
  seed: { type: "number", value: "N", summary: "Seed of the drawn weights (default 42)" },
} as const;

const given = parseFlags(Deno.args, flags).flags;
const { encoder, tokenizer, decoder = new URL("decoder.json", import.meta.url), out, seed = 42 } = given;
if (encoder === undefined || tokenizer === undefined || out === undefined) {
  throw new TypeError("Cannot put a model together: name --encoder, --tokenizer and --out");
}

const vision = JSON.parse(await Deno.readTextFile(`${encoder}/config.json`));
const vocabulary = Object.keys(JSON.parse(await Deno.readTextFile(`${tokenizer}/tokenizer.json`)).model.vocab).length;
const language = { ...JSON.parse(await Deno.readTextFile(decoder)), vocab_size: vocabulary };
const drawn = ["model.*", "vision_proj.*"];
await using chat = await loadModel({
  encoder: { use: "tiny", options: vision, weights: `${encoder}/model.safetensors` },
  projector: "mlp",
  decoder: { use: "minimind", options: { generation: 3, ...language } },
  tokenizer,
  placeholder: { token: "<|image_pad|>", match: "run" },
  backend: "reference",
}, { allowMissing: drawn });
const { backend, weights, model } = chat.parts;
const known = planParameters(model).storages;
const parameters = new Map([...weights].filter(([name]) => known.get(name)?.role === "parameter"));
initialise(backend, parameters, { patterns: drawn, seed });

const config = {
  ...language,
  image_special_token: "<|image_pad|>",
  image_ids: [model.placeholder.marker],
  image_hidden_size: model.projector.input.width,
  image_token_len: model.placeholder.tokens,
  vision_config: { ...vision, model_type: "tiny" },
};
const copied = [
  [`${tokenizer}/tokenizer.json`, "tokenizer.json"],
  [`${tokenizer}/tokenizer_config.json`, "tokenizer_config.json"],
  [`${encoder}/preprocessor_config.json`, "preprocessor_config.json"],
] as const;
const documents = new Map([["config.json", `${JSON.stringify(config, undefined, 2)}\n`]]);
for (const [path, name] of copied) documents.set(name, await Deno.readTextFile(path));
await writeModelFiles(createFileStore(out), "", { backend, weights: parameters, withEncoder: true, documents });
console.log(`${out}: ${vocabulary} tokens, ${model.projector.input.tokens} features an image`);
