import { assertEquals, assertRejects } from "@std/assert";
import { ImageError } from "../../core/errors.ts";
import { isPublicAddress } from "../../serve/request/address.ts";
import { fetchRemoteImage, type RemoteImageOptions } from "../../serve/request/remote_image.ts";

const inner = [
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "127.0.0.1",
  "127.255.255.255",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.0.1",
  "192.168.1.1",
  "198.18.0.1",
  "203.0.113.5",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "[::1]",
  "::ffff:127.0.0.1",
  "::ffff:8.8.8.8",
  "::127.0.0.1",
  "64:ff9b::7f00:1",
  "64:ff9b:1::1",
  "100::1",
  "2001::1",
  "2001:db8::1",
  "2002:7f00:1::",
  "3fff::1",
  "fc00::1",
  "fd12:3456::1",
  "fe80::1",
  "fe80::1%eth0",
  "fec0::1",
  "ff02::1",
  "localhost",
  "1.2.3",
  "",
  "1.2.3.4.5",
  "256.1.1.1",
];

Deno.test("isPublicAddress() refuses private, mapped, tunnelled, reserved and malformed addresses", () => {
  assertEquals(inner.filter(isPublicAddress), []);
});

Deno.test("isPublicAddress() takes addresses of the public internet", () => {
  const outer = ["1.1.1.1", "8.8.8.8", "100.128.0.1", "172.32.0.1", "192.169.0.1", "223.255.255.255"];
  const outer6 = ["2606:4700::1111", "[2001:4860:4860::8888]", "2a00::1", "2001:200::1"];
  const all = [...outer, ...outer6];
  assertEquals(all.filter((address) => !isPublicAddress(address)), []);
});

async function refused(address: string, options: Partial<RemoteImageOptions> = {}): Promise<string> {
  const { signal } = new AbortController();
  const error = await assertRejects(
    () => fetchRemoteImage(address, { hosts: ["*"], maxBytes: 1000, signal, ...options }),
    ImageError,
  );
  return error.message;
}

const notPublic = "its address is not one of the public internet";
const notListed = "its host is not among those that images are fetched from";

Deno.test("fetchRemoteImage() connects to no inner address, however it is written, nor to a name that means one", async () => {
  const addresses = [
    "http://127.0.0.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://①②⑦.0.0.1/",
    "http://[::1]/",
    "http://[::ffff:7f00:1]/",
    "http://[0:0:0:0:0:ffff:10.0.0.1]/",
    "http://169.254.169.254/latest/meta-data/",
    "http://localhost/",
    "https://localhost/",
  ];
  for (const address of addresses) assertEquals(await refused(address), notPublic, address);
});

Deno.test("fetchRemoteImage() asks only hosts of its list", async () => {
  for (
    const address of [
      "https://evil.example/",
      "https://a.example.evil.test/",
      "https://a.example:444/",
      "https://a.example@evil.test/",
    ]
  ) {
    const message = await refused(address, { hosts: ["a.example", "*.b.example"] });
    assertEquals(message, address.includes("@") ? "its address holds a password" : notListed);
  }
  assertEquals(await refused("https://b.example/", { hosts: ["*.b.example"] }), notListed);
  assertEquals(await refused("https://localhost:8443/"), notListed);
  for (const address of ["ftp://a.example/x", "gopher://a.example", "file:///etc/passwd"]) {
    assertEquals(await refused(address), "its address is none of the Web");
  }
});

/** A host of images on loopback, which the test's list lets through by one of its addresses. */
function imageHost() {
  const seen: string[] = [];
  const server: Deno.HttpServer<Deno.NetAddr> = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => {
      const { pathname } = new URL(request.url);
      seen.push(pathname);
      const to = (location: string) => new Response(null, { status: 302, headers: { location } });
      if (pathname === "/image") return new Response("picture");
      if (pathname === "/moved") return to("/image");
      if (pathname === "/loop") return to("/loop");
      if (pathname === "/again") return to(`http://${request.headers.get("host")}/image`);
      if (pathname === "/inside") return to(`http://127.0.0.2:${server.addr.port}/image`);
      if (pathname === "/metadata") return to("http://169.254.169.254/latest");
      if (pathname === "/file") return to("file:///etc/passwd");
      if (pathname === "/large") return new Response("x".repeat(2000));
      return new Response("secret", { status: 403 });
    },
  );
  const place = `127.0.0.1:${server.addr.port}`;
  return { seen, place, server, [Symbol.asyncDispose]: () => server.shutdown() };
}

Deno.test("fetchRemoteImage() follows redirects as far as each would be allowed by itself, and reads no more than it may", async () => {
  await using host = imageHost();
  const options = {
    hosts: [host.place, `127.0.0.2:${host.server.addr.port}`, "*"],
    mayConnect: (address: string) => address === "127.0.0.1",
  };
  const { signal } = new AbortController();
  for (const path of ["image", "moved"]) {
    const bytes = await fetchRemoteImage(`http://${host.place}/${path}`, { maxBytes: 1000, signal, ...options });
    assertEquals(new TextDecoder().decode(bytes), "picture");
  }
  const expected = [
    ["loop", "its address leads from one to another more than 3 times"],
    ["inside", notPublic],
    ["metadata", notPublic],
    ["file", "its address is none of the Web"],
    ["large", "it has more than the 1000 bytes allowed"],
    ["other", "its host answers 403"],
  ];
  for (const [path, message] of expected) {
    assertEquals(await refused(`http://${host.place}/${path}`, options), message);
  }
  assertEquals(host.seen.filter((path) => path === "/loop").length, 4);
});

Deno.test("fetchRemoteImage() looks a name up once and connects to what it looked at", async () => {
  await using host = imageHost();
  const asked: string[] = [];
  // A name that would lead elsewhere at a second look would be seen here as a connection that was not looked at.
  const mayConnect = (address: string) => (asked.push(address), address === "127.0.0.1" || address === "::1");
  const { signal } = new AbortController();
  const port = host.server.addr.port;
  const options = { hosts: [`localhost:${port}`], maxBytes: 1000, signal, mayConnect };
  const bytes = await fetchRemoteImage(`http://localhost:${port}/image`, options);
  assertEquals([new TextDecoder().decode(bytes), asked.at(-1)], ["picture", "127.0.0.1"]);
  assertEquals(asked.length >= 2, true); // each address of the name, then the one that was connected to
});

Deno.test("fetchRemoteImage() is not led to an inner address by a name that means a public one first", async () => {
  await using host = imageHost();
  const { port } = host.server.addr;
  // 127.0.0.1 plays the public internet, 127.0.0.2 what is behind the wall; both would answer.
  await using inner = Deno.serve({ port, hostname: "127.0.0.2", onListen() {} }, () => {
    reached++;
    return new Response("secret");
  });
  let reached = 0;
  const answers = [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.2", "127.0.0.1"], []];
  const asked: string[] = [];
  const options = {
    hosts: [`photos.example:${port}`],
    mayConnect: (address: string) => address === "127.0.0.1",
    resolve: (name: string) => Promise.resolve(answers[asked.push(name) - 1]!),
  };
  const { signal } = new AbortController();
  const address = `http://photos.example:${port}/image`;
  const bytes = await fetchRemoteImage(address, { maxBytes: 1000, signal, ...options });
  assertEquals([new TextDecoder().decode(bytes), asked], ["picture", ["photos.example"]]);
  for (let i = 0; i < 3; i++) assertEquals(await refused(address, options), notPublic);
  assertEquals(await refused(address, options), "its host cannot be reached");
  // A redirect is a new look-up.
  asked.length = 0;
  assertEquals(await refused(`http://photos.example:${port}/again`, options), notPublic);
  assertEquals([asked.length, reached, inner.addr.port], [2, 0, port]);
});
