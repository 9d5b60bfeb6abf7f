/**
 * What a model takes before anything of it is loaded: parameters, memory, work.
 *
 * @module
 */
import { isGraphEncoder } from "../../core/encoder.ts";
import { byteLength, elementCount, type Plan } from "../../core/graph/mod.ts";
import { planDecode, planEncode, planPrefill } from "../../core/model_plans.ts";
import type { ModelPart } from "../../data/load_summary.ts";
import { parametersByPart } from "../../sdk/model_parts.ts";
import { type Architecture, contextOf } from "../architecture.ts";

/** One part in numbers. */
export interface PartSize {
  /** The part. */
  readonly part: ModelPart;
  /** Numbers in its tensors. */
  readonly parameters: number;
  /** Their bytes in memory. */
  readonly bytes: number;
}

/** Names of the programs that answer a prompt. */
export const programNames = ["encode", "prefill", "decode"] as const;

/** Name of a program. */
export type ProgramName = typeof programNames[number];

/** A model in numbers. */
export interface ModelPlan {
  /** Its parts; one of another runtime has no parameters here. */
  readonly parts: readonly PartSize[];
  /** Positions of the KV cache. */
  readonly context: number;
  /** Bytes of one KV cache. */
  readonly cacheBytes: number;
  /** Tokens that the figures of prefill and decode are for. */
  readonly promptTokens: number;
  /**
   * The programs as they are for that prompt: attention reaches as far as the prompt does. Encode is absent without
   * an encoder.
   */
  readonly programs: Readonly<Partial<Record<ProgramName, Plan>>>;
  /** Bytes of temporaries, as loaded: prefill in pieces of at most 256 tokens. */
  readonly arenaBytes: Readonly<Partial<Record<ProgramName, number>>>;
}

/** Longest piece of a prompt. */
const piece = 256;

/**
 * Plans a model for prompts of some length.
 *
 * @throws {RangeError} if the context has no room for the prompt
 */
export function planModel(
  architecture: Pick<Architecture, "config" | "model">,
  { promptTokens }: { readonly promptTokens: number },
): ModelPlan {
  const { model } = architecture;
  const context = contextOf(architecture);
  if (!Number.isInteger(promptTokens) || promptTokens < 1 || promptTokens >= context) {
    throw new RangeError(`Cannot plan a prompt of ${promptTokens} tokens: the context has ${context}`);
  }
  const { encoder } = model;
  const encode = encoder === undefined ? undefined : planEncode(model);
  const loaded = planDecode(model, { capacity: context });
  const pieces = planPrefill(model, { tokens: Math.min(piece, context), capacity: context, draws: true });
  const caches = [...loaded.storages.values()].filter(({ role, shape }) => role === "state" && shape.length === 4);
  return {
    parts: [...parametersByPart(model)].map(([part, tensors]) => ({
      part,
      parameters: tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0),
      bytes: tensors.reduce((sum, tensor) => sum + byteLength(tensor), 0),
    })),
    context,
    cacheBytes: caches.reduce((sum, cache) => sum + byteLength(cache), 0),
    promptTokens,
    programs: {
      ...encode && { encode },
      prefill: planPrefill(model, { tokens: promptTokens, capacity: promptTokens, draws: true }),
      decode: planDecode(model, { capacity: promptTokens }),
    },
    arenaBytes: {
      ...encode && { encode: encode.arenaBytes },
      prefill: pieces.arenaBytes,
      decode: loaded.arenaBytes,
    },
  };
}

/** Whether the encoder is on the graph, so that its time can be told from its plan. */
export function hasPlannedEncoder({ model: { encoder } }: Pick<Architecture, "model">): boolean {
  return encoder !== undefined && isGraphEncoder(encoder);
}
