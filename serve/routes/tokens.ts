/**
 * Text and tokens, as llama.cpp's server has them: `POST /tokenize`, `/detokenize`, `/apply-template`.
 *
 * @module
 */
import type { Tokenizer } from "../../core/tokenizer.ts";
import { readThinking } from "../request/chat.ts";
import { readTools } from "../request/format.ts";
import { readMessages } from "../request/messages.ts";
import type { App } from "../hono.ts";
import { bodyOf, type Serving } from "../serving.ts";

/** Most characters of a text: a few hundred milliseconds, in which nothing else is done. */
const maxLength = 2 ** 20;

/** Adds the routes. */
export function addTokenRoutes(app: App, serving: Serving): void {
  const { engine } = serving;
  app.post("/tokenize", async ({ req }) => {
    const body = await bodyOf(req.raw, serving);
    const { tokenizer } = engine.find(body.text("model")).model.parts;
    const content = body.text("content");
    if (content === undefined) throw body.error("content", "it is missing");
    if (content.length > maxLength) throw body.error("content", `it has more than ${maxLength} characters`);
    body.boolean("add_special"); // these tokenizers put nothing before or after a text
    const parseSpecial = body.boolean("parse_special") ?? true;
    const withPieces = body.boolean("with_pieces") ?? false;
    body.end();
    const ids = [...tokenizer.encode(content, { parseSpecial })];
    return Response.json({ tokens: withPieces ? ids.map((id) => ({ id, piece: pieceOf(tokenizer, id) })) : ids });
  });
  app.post("/detokenize", async ({ req }) => {
    const body = await bodyOf(req.raw, serving);
    const { tokenizer } = engine.find(body.text("model")).model.parts;
    const tokens = body.list("tokens");
    body.end();
    const isId = (id: unknown): id is number =>
      Number.isInteger(id) && id as number >= 0 && id as number < tokenizer.vocabulary;
    if (tokens === undefined || !tokens.every(isId)) {
      throw body.error("tokens", `it is no list of token ids from 0 to ${tokenizer.vocabulary - 1}`);
    }
    return Response.json({ content: tokenizer.decode(tokens) });
  });
  app.post("/apply-template", async ({ req }) => {
    const body = await bodyOf(req.raw, serving);
    const { model } = engine.find(body.text("model"));
    const { images, withImages } = readMessages(body);
    const options = { ...readTools(body), openThinking: readThinking(body) };
    body.end();
    const { text } = model.render(withImages(images.map(() => new Blob())), options);
    return Response.json({ prompt: text });
  });
}

/** A token's text, or its bytes where they are no whole characters. */
function pieceOf(tokenizer: Tokenizer, id: number): string | number[] {
  const bytes = tokenizer.bytesOf(id);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return [...bytes];
  }
}
