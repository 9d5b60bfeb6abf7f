/**
 * `POST /v1/embeddings`: texts and images as numbers.
 *
 * @module
 */
import type { ChatPart } from "../../core/chat_events.ts";
import type { ServedModel } from "../../core/server.ts";
import type { Stay } from "../answer/engine.ts";
import type { Handler } from "../hono.ts";
import { Body } from "../request/body.ts";
import { type ImageReference, readImages } from "../request/images.ts";
import { type PartDraft, readPart, withImages } from "../request/messages.ts";
import { bodyOf, clientOf, type Serving } from "../serving.ts";

/** Most inputs of a request. */
const maxInputs = 256;

/**
 * Embeds inputs, each a text, a part of a message (`image_url`, `image`, `text`), or a list of parts that belong
 * together.
 */
export function embeddingsRoute(serving: Serving): Handler {
  const { engine, options } = serving;
  return async ({ req: { raw } }) => {
    const body = await bodyOf(raw, serving);
    const slot = engine.findFree(body.text("model"));
    const { width } = slot.model.parts.model.decoder;
    const references: ImageReference[] = [];
    const inputs = readInputs(body, references);
    const format = body.choice("encoding_format", ["float", "base64"]) ?? "float";
    body.only("dimensions", width);
    body.text("user");
    body.end();
    const client = clientOf(raw);
    const images = await readImages(references, { rules: options, signal: client.signal });
    const contents = inputs.map((parts): ChatPart[] => withImages(parts, images));
    const work = async (model: ServedModel, stay: Stay) => {
      const all = [];
      for (const content of contents) {
        await stay.pause();
        all.push(await model.embed(content, stay));
      }
      return all;
    };
    const embeddings = await engine.run({ slot, signal: client.signal, work });
    const tokens = embeddings.reduce((sum, { tokens }) => sum + tokens, 0);
    return Response.json({
      object: "list",
      data: embeddings.map(({ values }, index) => {
        return { object: "embedding", index, embedding: format === "float" ? [...values] : toBase64(values) };
      }),
      model: slot.name,
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    });
  };
}

function readInputs(body: Body, images: ImageReference[]): PartDraft[][] {
  const value = body.raw("input");
  if (value === undefined) throw body.error("input", "it is missing");
  const list = Array.isArray(value) ? value as unknown[] : [value];
  if (list.length === 0) throw body.error("input", "it is empty");
  if (list.length > maxInputs) throw body.error("input", `it has more than ${maxInputs} inputs`);
  return list.map((input, i) => {
    const place = Array.isArray(value) ? `input[${i}]` : "input";
    if (typeof input === "string") {
      if (input === "") throw body.error("input", "a text is empty");
      return [{ type: "text", text: input }];
    }
    if (!Array.isArray(input)) return [readPart(new Body(input, place), images)];
    if (input.length === 0) throw body.error("input", "a list of parts is empty");
    return input.map((part, j) => readPart(new Body(part, `${place}[${j}]`), images));
  });
}

/** The bytes of the numbers, little-endian, as OpenAI's client asks for them. */
function toBase64(values: Float32Array): string {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => view.setFloat32(4 * i, value, true));
  let latin1 = "";
  for (const byte of bytes) latin1 += String.fromCharCode(byte);
  return btoa(latin1);
}
