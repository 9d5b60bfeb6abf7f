/**
 * Writes the committed `.pth` files of our own writer: `deno run --allow-write tools/make_export_fixtures.ts`. Afterwards
 * `tools/check_pth_with_torch.py` compares them with what PyTorch reads.
 *
 * @module
 */
import { floatPrecisions } from "../data/saved_tensor.ts";
import { tinyFile, tinyUrl } from "../tests/unit/tiny_export.ts";

for (const precision of floatPrecisions) await Deno.writeFile(tinyUrl(precision), tinyFile(precision));
