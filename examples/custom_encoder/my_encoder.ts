/**
 * A whole vision encoder as a plugin: cut the image into patches, and look at each through one linear layer.
 *
 * @module
 */
import { Fields, type GraphEncoder, type Plugin } from "@minimind/v";

/** Edge of the image and of a patch in pixels, width of a feature. */
type Options = Readonly<Record<"size" | "patch" | "width", number>>;

function createEncoder({ size, patch, width }: Options): GraphEncoder {
  const tokens = (size / patch) ** 2;
  return {
    name: "my_encoder",
    pixels: { size, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    output: { tokens, width },
    ignores: [],
    encode(graph, pixels) {
      const patches = graph.patches(pixels, patch); // [B,N,3·P·P]
      const weight = graph.matrix("my_encoder.weight", [width, 3 * patch * patch]);
      const features = graph.linear(patches, weight, graph.parameter("my_encoder.bias", [width])); // [B,N,C]
      return graph.add(features, graph.parameter("my_encoder.positions", [tokens, width]));
    },
  };
}

const plugin: Plugin<"encoder", Options> = {
  contract: 1,
  kind: "encoder",
  name: "my_encoder",
  summary: "one linear layer over patches",
  parseOptions(input) {
    const fields = new Fields(input, "options of my_encoder");
    const [size, patch] = [fields.integer("size", 224), fields.integer("patch", 16)];
    if (size % patch !== 0) throw fields.error("patch", `${patch} does not divide an image of ${size}`);
    return { size, patch, width: fields.integer("width", 192) };
  },
  create: createEncoder,
};

export default plugin;
