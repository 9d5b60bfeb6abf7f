/**
 * Builds zip archives of plain records, without checksums, for tests of the checkpoint reader.
 *
 * @module
 */

/** Characters up to U+00FF as bytes. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** An archive of the given records, every CRC-32 0. */
export function storedZip(records: Readonly<Record<string, Uint8Array>>): Uint8Array<ArrayBuffer> {
  const u16 = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);
  const u32 = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  const local: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(records)) {
    const rest = [u32(0, bytes.length, bytes.length), u16(name.length, 0)];
    const record = joined([latin1("PK\x03\x04"), u16(20, 0, 0, 0, 0), ...rest, latin1(name), bytes]);
    const place = [u16(0, 0, 0), u32(0, offset), latin1(name)];
    central.push(joined([latin1("PK\x01\x02"), u16(20, 20, 0, 0, 0, 0), ...rest, ...place]));
    local.push(record);
    offset += record.length;
  }
  const directory = joined(central);
  const end = [latin1("PK\x05\x06"), u16(0, 0, central.length, central.length), u32(directory.length, offset), u16(0)];
  return joined([...local, directory, ...end]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
