/**
 * Which network addresses anybody may be sent to: those of the public internet.
 *
 * @module
 */

/** Blocks of IPv4 that are not public (IANA's special-purpose registry), as `[first, bits]`. */
const blocks4: readonly (readonly [first: string, bits: number])[] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.31.196.0", 24],
  ["192.52.193.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["192.175.48.0", 24],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3], // multicast, reserved, broadcast
];

/** Whether an IPv4 or IPv6 address, as text, is one of the public internet. */
export function isPublicAddress(address: string): boolean {
  const plain = address.replace(/^\[|\]$|%.*$/g, "");
  const four = parse4(plain);
  if (four !== undefined) return isPublic4(four);
  const six = parse6(plain);
  return six !== undefined && isPublic6(six);
}

/** Whether the host of a URL is an address and no name. */
export function isAddress(host: string): boolean {
  return host.startsWith("[") || parse4(host) !== undefined;
}

function isPublic4(address: number): boolean {
  return blocks4.every(([first, bits]) => (address ^ parse4(first)!) >>> (32 - bits) !== 0);
}

/** Only 2000::/3 is given out; within it, what wraps an IPv4 address or is for documents is no one's either. */
function isPublic6(groups: readonly number[]): boolean {
  const [first, second] = groups as [number, number];
  if (first >> 13 !== 1) return false;
  if (first === 0x2001 && second < 0x200) return false; // protocols: Teredo, benchmarks, ORCHID
  if (first === 0x2001 && second === 0xdb8) return false; // documentation
  if (first === 0x2002) return false; // 6to4
  return !(first === 0x3fff && second < 0x1000); // documentation
}

function parse4(text: string): number | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const bytes = text.split(".").map(Number);
  if (bytes.some((byte) => byte > 255)) return undefined;
  return bytes.reduce((sum, byte) => (sum << 8 | byte) >>> 0, 0);
}

/** Eight groups of 16 bits. */
function parse6(text: string): number[] | undefined {
  if (!text.includes(":")) return undefined;
  let host: string;
  try {
    host = new URL(`http://[${text}]/`).hostname.slice(1, -1); // in its one spelling
  } catch {
    return undefined;
  }
  const [left = "", right] = host.split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":").map((group) => parseInt(group, 16));
  const [head, tail] = [groups(left), groups(right ?? "")];
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
}
