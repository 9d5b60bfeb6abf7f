/**
 * A model's folder that is a repository of the hub.
 *
 * @module
 */
import { documentNames, type FolderFiles, usualWeights } from "../data/model_folder.ts";
import { parseShardIndex } from "../data/shard_index.ts";
import type { Files } from "./files.ts";

/**
 * The files of a repository. What it holds is found out by asking for the names that matter; of the weights, which
 * often lie there in several formats, only the best are downloaded.
 */
export function hubFolder(repository: string, files: Files): FolderFiles {
  const inside = (file: string) => `${repository}/${file}`;
  const fetch = async (names: readonly string[], optional: boolean) => {
    const there = await files.prefetch(names.map((name) => ({ name: inside(name), optional })));
    return names.filter((name) => there.has(inside(name)));
  };
  return {
    name: repository,
    async list() {
      const documents = await fetch(documentNames, true);
      for (const weights of usualWeights) {
        if ((await fetch([weights], true)).length === 0) continue;
        if (!weights.endsWith(".index.json")) return [...documents, weights];
        const shards = [...new Set(parseShardIndex(await files.read(inside(weights)), weights).values())];
        return [...documents, weights, ...await fetch(shards, false)];
      }
      return documents;
    },
    read: (file) => files.read(inside(file)),
    open: (file) => files.open(inside(file)),
  };
}
