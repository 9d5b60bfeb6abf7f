/**
 * The files of a model, for pages that run it themselves: `GET /model-files` says which there are, and what the server
 * loaded them with; `GET /model-files/{name}` gives one.
 *
 * @module
 */
import type { Slot } from "../answer/engine.ts";
import { ApiError } from "../api_error.ts";
import type { App } from "../hono.ts";
import type { Serving } from "../serving.ts";

/** What a model is loaded from; nothing else that lies beside it is given. */
const wanted = /^[^.].*\.(safetensors|pth|pt|bin|json|jinja)$/;

/** Adds the routes. */
export function addFileRoutes(app: App, { engine, options: { shareFiles = false } }: Serving): void {
  const filesOf = async ({ name, model: { parts: { files } } }: Slot) => {
    const refuse = (problem: string) =>
      new ApiError(`Cannot give the files of "${name}": ${problem}`, { status: 403, code: "files_not_shared" });
    if (!shareFiles) throw refuse("this server keeps them");
    if (files === undefined) throw refuse("it was not loaded from one folder");
    return { files, names: (await files.list()).filter((file) => wanted.test(file)) };
  };
  app.get("/model-files", async ({ req }) => {
    const slot = engine.find(req.query("model"));
    const { names } = await filesOf(slot);
    const { context, generation } = slot.model.parts;
    return Response.json({ model: slot.name, files: names, context, generation });
  });
  app.get("/model-files/:name", async ({ req }) => {
    const { files, names } = await filesOf(engine.find(req.query("model")));
    const name = req.param("name");
    if (!names.includes(name)) throw new ApiError(`Cannot give "${name}": there is no such file`, { status: 404 });
    const bytes = await files.read(name) as Uint8Array<ArrayBuffer>;
    return new Response(bytes, {
      headers: { "content-type": "application/octet-stream", "content-length": String(bytes.length) },
    });
  });
}
