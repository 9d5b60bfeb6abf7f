import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { ImageError } from "../../core/errors.ts";
import { blobAccess } from "../../data/datasets/mod.ts";
import { openImageFolder } from "../../sdk/image_folder.ts";
import { openRandomAccess } from "../../sdk/random_access.ts";
import { readDatasetFile } from "./dataset_fixtures.ts";

Deno.test("openRandomAccess() and blobAccess() read parts of a file", async () => {
  const name = "one_image_v1_snappy.parquet";
  const bytes = readDatasetFile(name);
  await using file = await openRandomAccess(new URL(`../fixtures/datasets/${name}`, import.meta.url));
  for (const access of [file, blobAccess(new Blob([bytes]))]) {
    assertEquals(access.size, bytes.length);
    assertEquals(await access.read(5, 1000), bytes.slice(5, 1000));
    assertEquals((await access.read(7, 7)).length, 0);
  }
  await assertRejects(() => openRandomAccess(new URL("../fixtures/", import.meta.url)), TypeError, "it is no file");
});

Deno.test("openImageFolder() reads what lies in the folder and nothing that a link leads to outside", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/images/inner`, { recursive: true });
    await Deno.mkdir(`${root}/images-other`);
    await Deno.writeTextFile(`${root}/secret`, "secret");
    await Deno.writeTextFile(`${root}/images-other/a`, "other");
    await Deno.writeTextFile(`${root}/images/inner/a`, "inside");
    await Deno.symlink(`${root}/secret`, `${root}/images/link`);
    await Deno.symlink(`${root}/images/inner`, `${root}/images/folder`);
    const read = openImageFolder(`${root}/images`);
    const text = async (path: string) => new TextDecoder().decode(await read(path, { maxBytes: 10 }));
    assertEquals([await text("inner/a"), await text("folder/a")], ["inside", "inside"]);
    for (const path of ["link", "../secret", "../images-other/a", `${root}/secret`]) {
      assertStringIncludes((await assertRejects(() => text(path), ImageError)).message, "outside the image folder");
    }
    assertStringIncludes((await assertRejects(() => text("none"), ImageError)).message, "there is no such file");
    await assertRejects(() => text("inner"), ImageError);
    await assertRejects(() => read("inner/a", { maxBytes: 5 }), ImageError, "maxBytes");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
