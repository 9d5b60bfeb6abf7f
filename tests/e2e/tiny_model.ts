/**
 * A model folder in Hugging Face's layout, small enough for a test: seeded weights, a byte tokenizer.
 *
 * @module
 */
import { writeSafetensors } from "../../data/safetensors_writer.ts";
import { buildModel, createRegistry } from "../../plugins/mod.ts";
import { randomModelConfig, randomModelTokenizer, randomWeights } from "../../sdk/random_model.ts";

/** The `config.json` of its decoder. */
export const tinyConfig = {
  generation: 3,
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  intermediate_size: 192,
  vocab_size: 260,
} as const;

/** Writes the model into a folder, with its encoder in the same file. */
export async function writeTinyModel(folder: string): Promise<void> {
  const { model } = await buildModel(randomModelConfig, {
    registry: createRegistry(),
    base: import.meta.url,
    context: { readFile: () => Promise.reject(new Error("nothing is read")), notice() {} },
    tokenId: () => 3,
  });
  const tensors = [...randomWeights(model)].map(([name, { shape, toFloat32 }]) => {
    const placed = name.startsWith("vision_model.") ? `vision_encoder.${name}` : name;
    return [placed, { shape, values: toFloat32() }] as const;
  });
  const { tokenizer, config } = randomModelTokenizer();
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeFile(`${folder}/model.safetensors`, writeSafetensors(new Map(tensors)));
  await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(tinyConfig));
  await Deno.writeTextFile(`${folder}/tokenizer.json`, tokenizer);
  await Deno.writeTextFile(`${folder}/tokenizer_config.json`, config);
}

/** A folder of a test's own, with the model in `tiny/`; it is removed at the end. */
export class TinyFolder implements AsyncDisposable {
  /** Its path. */
  readonly path: string;
  /** The model's path. */
  readonly model: string;

  private constructor(path: string) {
    this.path = path;
    this.model = `${path}/tiny`;
  }

  /** Makes one. */
  static async create(): Promise<TinyFolder> {
    const folder = new TinyFolder(await Deno.makeTempDir());
    await writeTinyModel(folder.model);
    return folder;
  }

  /** Removes it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

/** Path of an image among the fixtures. */
export function imagePath(name: string): string {
  return new URL(`../fixtures/images/${name}`, import.meta.url).pathname;
}
