import { assertRejects, assertStringIncludes } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import type { Graph, Tensor } from "../../core/graph/mod.ts";
import type { Projector } from "../../core/projector.ts";
import { createLinearProjector } from "../../projectors/linear.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";
import { checkProjector } from "./check_projector.ts";

const reference = createReferenceBackend();
const sizes = { input: { tokens: 4, width: 6 }, width: 10 };
const linear = createLinearProjector(sizes);

for (const [name, projector] of Object.entries({ linear, mlp: createMlpProjector(sizes) })) {
  Deno.test(`checkProjector() accepts ${name}`, () => checkProjector(projector, reference));
}

Deno.test("checkProjector() accepts a projector that joins neighbouring features into fewer embeddings", async () => {
  const joining: Projector = {
    input: { tokens: 4, width: 6 },
    output: { tokens: 2, width: 10 },
    project(graph, features) {
      const pairs = graph.reshape(features, [features.shape[0]!, 2, 12]); // [B,N/2,2·C]
      return graph.linear(pairs, graph.matrix("pairs.weight", [10, 12]));
    },
  };
  await checkProjector(joining, reference);
});

async function refused(projector: Projector, problem: string): Promise<void> {
  const { message } = await assertRejects(() => checkProjector(projector, reference), Error);
  assertStringIncludes(message, problem);
}

Deno.test("checkProjector() refuses a projector that breaks its promises", async () => {
  const broken = (change: (graph: Graph, embeddings: Tensor) => Tensor): Projector => ({
    ...linear,
    project: (graph, features) => change(graph, linear.project(graph, features)),
  });
  await refused({ ...linear, output: { tokens: 4, width: 11 } }, "is f32 [1, 4, 10], expected f32 [1, 4, 11]");
  await refused({ ...linear, output: { tokens: 0, width: 10 } }, "output.tokens is 0");
  await refused(broken((graph, y) => graph.scale(y, NaN)), "its output has NaN");
  await refused(broken((graph, y) => graph.fill(y.shape, 0)), "the same for two images");
  await refused(broken((graph, y) => graph.slice(y, 0, 2)), "is f32 [1, 2, 10]");
});
