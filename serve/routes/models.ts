/**
 * What there is: `GET /v1/models`, `GET /v1/models/{id}`, `GET /props`.
 *
 * @module
 */
import { elementCount } from "../../core/graph/tensor.ts";
import { planParameters } from "../../core/model_plans.ts";
import type { ServedModel } from "../../core/server.ts";
import type { Slot } from "../answer/engine.ts";
import type { App } from "../hono.ts";
import type { Serving } from "../serving.ts";

/** Adds the routes. */
export function addModelRoutes(app: App, { engine }: Serving): void {
  app.get("/v1/models", () => Response.json({ object: "list", data: engine.slots.map(describe) }));
  app.get("/v1/models/:id{.+}", ({ req }) => Response.json(describe(engine.find(req.param("id")))));
  app.get("/props", ({ req }) => {
    const slot = engine.find(req.query("model"));
    const { parts, conversations } = slot.model;
    const { generation, context, template } = parts;
    return Response.json({
      default_generation_settings: {
        n_ctx: context,
        params: {
          max_tokens: generation.maxNewTokens ?? 512,
          temperature: generation.temperature ?? 0,
          top_k: generation.topK ?? 0,
          top_p: generation.topP ?? 1,
          min_p: generation.minP ?? 0,
          repeat_penalty: generation.repetitionPenalty ?? 1,
        },
      },
      total_slots: conversations,
      model_alias: slot.name,
      chat_template: template.source,
      modalities: { vision: sees(slot.model), audio: false },
    });
  });
}

function describe({ name, model, created }: Slot) {
  const { context, model: { decoder, placeholder } } = model.parts;
  return {
    id: name,
    object: "model",
    created,
    owned_by: "minimind-v",
    architecture: { input_modalities: sees(model) ? ["text", "image"] : ["text"], output_modalities: ["text"] },
    meta: {
      n_ctx: context,
      n_ctx_train: decoder.maxPositions,
      n_vocab: decoder.vocabulary,
      n_embd: decoder.width,
      n_params: parametersOf(model),
      image_tokens: placeholder.tokens,
    },
  };
}

function sees({ parts: { model: { encoder } } }: ServedModel): boolean {
  return encoder !== undefined;
}

/** Counted once a model: planning takes a moment. */
const counts = new WeakMap<ServedModel, number>();

function parametersOf(model: ServedModel): number {
  const known = counts.get(model);
  if (known !== undefined) return known;
  const parameters = [...planParameters(model.parts.model).storages.values()].filter(({ role }) =>
    role === "parameter"
  );
  const count = parameters.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  counts.set(model, count);
  return count;
}
