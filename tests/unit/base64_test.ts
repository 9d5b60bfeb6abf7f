import { assertEquals, assertThrows } from "@std/assert";
import { decodeBase64 } from "../../core/base64.ts";

Deno.test("decodeBase64() gives the bytes with the engine's own decoder and without one", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const native = Uint8Array.fromBase64;
  for (const decoder of [native, undefined]) {
    Object.assign(Uint8Array, { fromBase64: decoder });
    try {
      for (const length of [0, 1, 2, 3, 255, 256]) {
        assertEquals(decodeBase64(bytes.subarray(0, length).toBase64()), bytes.slice(0, length));
      }
      assertEquals(decodeBase64(" QU\nJD "), Uint8Array.of(65, 66, 67));
      assertThrows(() => decodeBase64("QU*D"));
    } finally {
      Object.assign(Uint8Array, { fromBase64: native });
    }
  }
});
