/**
 * Every kind of golden case, and which one a document is.
 *
 * @module
 */
import { chatTemplatesKind } from "./chat_templates.ts";
import { encodedStringsKind } from "./encoded_strings.ts";
import type { Document } from "./golden.ts";
import { imagesKind } from "./images.ts";
import { type CaseKind, hasKeys } from "./kind.ts";
import { languageModelKind } from "./language_model.ts";
import { learningRateKind } from "./learning_rate.ts";
import { parameterTableKind } from "./parameter_table.ts";
import { optimiserKind } from "./optimiser.ts";
import { realModelKind } from "./real_model.ts";
import { ropeKind } from "./rope.ts";
import { torchCheckpointsKind } from "./torch_checkpoints.ts";
import { trainingLabelsKind } from "./training_labels.ts";
import { visionKind } from "./vision.ts";

const kinds: readonly CaseKind[] = [
  languageModelKind,
  realModelKind,
  visionKind,
  ropeKind,
  parameterTableKind,
  torchCheckpointsKind,
  encodedStringsKind,
  chatTemplatesKind,
  trainingLabelsKind,
  imagesKind,
  optimiserKind,
  learningRateKind,
];

/** The kind of a document; undefined if no kind or more than one recognises it. */
export function kindOf(document: Document): CaseKind | undefined {
  const matches = kinds.filter((kind) => kind.recognises(document));
  return matches.length === 1 ? matches[0] : undefined;
}

/** Whether a document is no case but a tokenizer that cases use. */
export function isTokenizerFile(document: Document): boolean {
  return hasKeys(document, "tokenizer_class") || hasKeys(document, "model", "pre_tokenizer", "added_tokens");
}
