/**
 * Upstream's file of a trained model: `{save_dir}/{save_weight}_{hidden_size}[_moe].pth`, half precision without the
 * encoder.
 *
 * @module
 */
import { modelTensors } from "../../data/checkpoint.ts";
import { exportModel } from "../../data/export.ts";
import { openModelFolder } from "../../data/model_folder.ts";
import { openFiles } from "../../sdk/files.ts";
import { folderUrl } from "../model_flags.ts";
import { writeFiles } from "../write_files.ts";
import type { WeightFile } from "./place.ts";

/** Writes it from the folder of a model, tensor by tensor, and gives its path. */
export async function writeWeightFile(model: string, { folder, weight }: WeightFile): Promise<string> {
  using files = openFiles({ base: folderUrl(Deno.cwd()) });
  const { checkpoint, config } = await openModelFolder(files.folder(model));
  const { files: [file] } = exportModel({ tensors: modelTensors(checkpoint), config }, { format: "pth", weight });
  const path = `${folder}/${file!.name}`;
  await writeFiles([{ path, chunks: file!.chunks }], { force: true });
  return path;
}
