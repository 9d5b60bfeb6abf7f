/**
 * How `inspect` shows what it found.
 *
 * @module
 */
import { formatShape } from "../../core/graph/tensor.ts";
import { formatBytes } from "../../data/hub/bytes.ts";
import type { ModelSizes } from "../../data/known_models.ts";
import type { Preset } from "../../models/mod.ts";
import { grouped, table } from "../format.ts";
import type { Contents, TensorCount } from "./contents.ts";

/** Names of the documents that a model folder may have. */
export type Documents = readonly string[];

/** A checkpoint as text. */
export function contentsText(
  name: string,
  contents: Contents,
  { documents = [], tensors = false }: {
    readonly documents?: Documents | undefined;
    readonly tensors?: boolean | undefined;
  } = {},
): string {
  const { files, dtypes, parts, model, encoder, adapter, problem, values } = contents;
  const rows: [string, string][] = files.map((
    { name, format, bytes },
  ) => ["file", `${name}, ${format}, ${formatBytes(bytes)}`]);
  if (documents.length > 0) rows.push(["beside it", documents.join(", ")]);
  if (model !== undefined) {
    rows.push([
      "generation",
      `${model.sizes.generation} (${model.sizes.generation === 2 ? "MiniMind2" : "MiniMind-3"})`,
    ]);
    rows.push(["released as", model.known ?? "nothing that is known: its sizes are its own"]);
    rows.push(["decoder", decoderText(model.sizes)]);
    const { projector } = model.sizes;
    rows.push([
      "projector",
      projector === undefined
        ? "none: it is a language model"
        : `${projector.kind}, features of width ${projector.featureWidth}`,
    ]);
  }
  if (encoder !== undefined) rows.push(["encoder", encoderText(encoder.kind, encoder.config)]);
  else if (model !== undefined) rows.push(["encoder", "none in here"]);
  if (adapter !== undefined) {
    rows.push(["adapter", `LoRA of rank ${adapter.rank}, alpha ${adapter.alpha}`]);
    for (const [kind, count] of Object.entries(adapter.layers)) {
      rows.push(["adapts", `${kind}, ${count} ${count === 1 ? "layer" : "layers"}`]);
    }
  }
  for (const [part, count] of Object.entries(parts)) rows.push([`in ${part}`, countText(count)]);
  for (const [dtype, count] of Object.entries(dtypes)) rows.push([`as ${dtype}`, countText(count)]);
  const kept = adapter === undefined ? Object.entries(values) : []; // an adapter's describe what is said above
  if (kept.length > 0) rows.push(["also", listed(kept.map(([key, value]) => `${key} = ${String(value)}`), 8)]);
  if (problem !== undefined) rows.push(["unknown", problem]);
  const list = tensors
    ? ["", table(contents.tensors.map(({ name, dtype, shape }) => [name, dtype, formatShape(shape)]))]
    : [];
  return [name, "", table(rows), ...list].join("\n");
}

/** A released model as text. */
export function presetText({ name, description, parameters, license, config, files }: Preset): string {
  const part = (value: unknown) => {
    const { use, options = {} } = (typeof value === "object" && value !== null ? value : { use: value }) as {
      use: string;
      options?: Record<string, unknown>;
    };
    const keys = Object.entries(options).map(([key, option]) => `${key} ${String(option)}`);
    return [use, ...keys].join(", ");
  };
  const remote = [config.encoder, config.projector, config.decoder]
    .flatMap((each) => typeof each === "object" ? each.weights ?? [] : []);
  const names = [config.weights ?? [], remote, config.tokenizer ?? []].flat(2);
  const rows: [string, string][] = [
    ["about", description],
    ["parameters", `${grouped(parameters)} in decoder and projector`],
    ["licence", license],
    ["encoder", part(config.encoder)],
    ["projector", part(config.projector)],
    ["decoder", part(config.decoder)],
    ["generation", Object.entries(config.generation ?? {}).map(([key, value]) => `${key} ${value}`).join(", ")],
    ["context", `${config.context} tokens`],
    ...names.map((file): [string, string] => {
      const size = files.get(file)?.size;
      return ["file", size === undefined ? file : `${file} (${formatBytes(size)})`];
    }),
  ];
  return [`${name}, a released model`, "", table(rows)].join("\n");
}

function decoderText(sizes: ModelSizes): string {
  const { hiddenSize, numHiddenLayers, numAttentionHeads, numKeyValueHeads, headDim, intermediateSize, vocabSize } =
    sizes;
  const { experts } = sizes;
  const mixture = experts === undefined
    ? `feed-forward ${intermediateSize}`
    : `${experts.routed} experts of ${experts.intermediateSize}${
      experts.shared > 0 ? ` and ${experts.shared} shared` : ""
    }`;
  const heads = `${numAttentionHeads} heads of ${headDim} (${numKeyValueHeads} for keys and values)`;
  return `${hiddenSize} wide, ${numHiddenLayers} layers, ${heads}, ${mixture}, vocabulary ${vocabSize}`;
}

function encoderText(kind: string, config: Readonly<Record<string, unknown>>): string {
  const { image_size: image, patch_size: patch, hidden_size: width, num_hidden_layers: layers } = config;
  return `${kind}, ${image} pixels in patches of ${patch}, ${width} wide, ${layers} layers`;
}

function countText({ tensors, parameters }: TensorCount): string {
  return `${grouped(tensors)} tensors, ${grouped(parameters)} parameters`;
}

function listed(items: readonly string[], shown: number): string {
  const rest = items.length > shown ? `, and ${items.length - shown} more` : "";
  return items.slice(0, shown).join(", ") + rest;
}
