/**
 * The server's page with the model in the browser, in headless Chromium; the browser's path is the only argument.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { answers, ask, audit, drop, startServers } from "../runtimes/chat_page.ts";
import { complaintsOf, launchChromium, type Page } from "../runtimes/playwright.ts";

const picture = new URL("../../../examples/demo/images/beach.jpg", import.meta.url).pathname;
const question = "Describe the picture.";
const key = "open-sesame";

/** The turn that was asked for last. */
const lastTurn = ".turn:last-child";

/** A name of this machine that browsers do not trust as they do 127.0.0.1: no shared memory. */
const strangeHost = "minimind.test";

/** What the server itself answers to the picture. */
async function answerOfServer(url: string): Promise<string> {
  const image = `data:image/jpeg;base64,${Deno.readFileSync(picture).toBase64()}`;
  const content = [{ type: "image_url", image_url: { url: image } }, { type: "text", text: question }];
  const response = await fetch(`${url}v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}` },
    body: JSON.stringify({ messages: [{ role: "user", content }], temperature: 0 }),
  });
  return (await response.json()).choices[0].message.content;
}

/** Opens the page, gives the key, and chooses the likeliest words. */
async function open(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.locator("#key[open]").waitFor();
  await page.keyboard.type(key);
  await page.keyboard.press("Enter");
  await page.locator('#model option[value="demo"]').waitFor({ state: "attached" });
  await set(page, { temperature: "0" });
}

/** Changes settings. */
async function set(page: Page, fields: Readonly<Record<string, string>>): Promise<void> {
  await page.locator("#settings-button").click();
  for (const [id, value] of Object.entries(fields)) await page.locator(`#${id}`).fill(value);
  await page.keyboard.press("Escape");
}

/** Asks about the picture and gives the answer. */
async function describe(page: Page): Promise<string> {
  await drop(page, [picture]);
  await page.locator("#pictures li").waitFor();
  await ask(page, question);
  await page.locator(answers).waitFor();
  return await page.evaluate<string>("document.querySelector('.answer').textContent");
}

/** Draws wild answers until one has come in four pieces and is not at its end, stops it, and gives what the page says. */
async function stopLongAnswer(page: Page): Promise<string> {
  for (let seed = 1; seed <= 20; seed++) {
    await set(page, { temperature: "2", top_p: "1", max_tokens: "1500", seed: String(seed) });
    await ask(page, `Tell me story ${seed}`);
    await page.locator(`${lastTurn} .asked:has-text("story ${seed}")`).waitFor();
    const lengths = new Set<number>();
    while (lengths.size < 4 && await page.locator(`${lastTurn} ${answers}`).count() === 0) {
      lengths.add(await page.evaluate<number>(`document.querySelector("${lastTurn} .answer").textContent.length`));
    }
    await page.keyboard.press("Escape");
    await page.locator(`${lastTurn} ${answers}`).waitFor();
    const state = await page.locator(`${lastTurn} .state`).innerText();
    if (lengths.size === 4 && state === "stopped") return state;
  }
  return "no answer was long enough";
}

Deno.test("the page runs the model in the browser, and answers as its server does without asking it", async (t) => {
  using servers = await startServers();
  const { ports } = servers;
  const url = `http://127.0.0.1:${ports.sharing}/`;
  const expected = await answerOfServer(url);
  assertMatch(expected, /^\w.*\w/);
  const browser = await launchChromium([`--host-resolver-rules=MAP ${strangeHost} 127.0.0.1`]);
  const stuck = setTimeout(() => browser.close(), 180_000);
  try {
    const context = await browser.newContext({ locale: "en" });
    const page = await context.newPage();
    const complaints = complaintsOf(page);
    const addresses: string[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith("data:")) addresses.push(request.url());
    });

    await t.step("the switch loads it, on threads, in a worker that may do no more than it must", async () => {
      await open(page, url);
      assertEquals(await page.evaluate("crossOriginIsolated"), true);
      await page.locator("#local").click();
      await page.locator('#local-state [data-word="localThreads"]').waitFor();
      assertMatch(await page.locator("#local-state").innerText(), /^On \d+ threads: nothing you ask leaves this page$/);
      assertEquals(await page.locator("#local-progress").count(), 1);
      assertEquals(await page.evaluate("document.getElementById('local-progress').hidden"), true);
      assert(addresses.some((address) => address.startsWith(`${url}model-files/model.safetensors?`)));
      const response = await fetch(`${url}page/engine.js`);
      const policy = response.headers.get("content-security-policy")!;
      await response.body!.cancel();
      assertEquals(/unsafe-\w+/.exec(policy.replace("'wasm-unsafe-eval'", "")), null);
    });

    await t.step("a dropped image is described in the server's words, and no request is made", async () => {
      addresses.length = 0;
      assertEquals(await describe(page), expected);
      assertMatch(await page.locator(".state").innerText(), /^\d+ tokens, [\d.]+ a second/);
      await page.locator(".look").click();
      assertEquals(await page.locator(".frame canvas").count(), 1);
      assertEquals(addresses, []);
    });

    await t.step("an answer comes in pieces and is stopped, and the next one comes all the same", async () => {
      assertEquals(await stopLongAnswer(page), "stopped");
      await set(page, { max_tokens: "5" });
      await ask(page, "And now?");
      await page.locator(`${lastTurn} ${answers}`).waitFor();
      assertMatch(await page.locator(`${lastTurn} .state`).innerText(), /^[1-5] tokens, /);
      await ask(page, "a".repeat(9000));
      await page.locator("[role=alert]").waitFor();
      assertMatch(await page.locator("[role=alert]").innerText(), /^Cannot answer: the prompt takes \d+ tokens/);
      assertEquals(addresses, []);
    });

    await t.step("it says so in both languages, and everything has a name and enough contrast", async () => {
      assertEquals(await audit(page), []);
      await page.locator("#theme").click();
      await page.locator("#language").click();
      assertMatch(await page.locator("#local-state").innerText(), /^\d+ 个线程运行：/);
      assertEquals(await audit(page), []);
    });

    await t.step("with the switch off, the server answers again", async () => {
      await page.locator("#local").click();
      assertEquals(await page.locator("#local-state").innerText(), "");
      await page.locator("#clear").click();
      await set(page, { temperature: "0", max_tokens: "" });
      assertEquals(await describe(page), expected);
      assertEquals(addresses, [`${url}v1/chat/completions`]);
    });
    assertEquals(complaints.filter((line) => !line.includes("status of 401")), []);
    await context.close();

    await t.step("where pages share no memory it runs on one thread and says so", async () => {
      const context = await browser.newContext({ locale: "en" });
      const page = await context.newPage();
      await open(page, `http://${strangeHost}:${ports.sharing}/`);
      await page.locator("#local").click();
      await page.locator('#local-state [data-word="localThread"]').waitFor();
      assertEquals(await describe(page), expected);
      await context.close();
    });

    await t.step("where the server keeps its model, it says so and goes on answering", async () => {
      const context = await browser.newContext({ locale: "en" });
      const page = await context.newPage();
      await page.goto(`http://127.0.0.1:${ports.open}/`);
      await page.locator("#local:enabled").click();
      await page.locator('#local-state [data-word="localFailed"]').waitFor();
      assertEquals(
        await page.locator("#local-state").innerText(),
        'Cannot give the files of "random": this server keeps them',
      );
      assertEquals(await page.evaluate("document.getElementById('local').checked"), false);
      await ask(page, "Hi");
      await page.locator(answers).waitFor({ state: "attached" });
      await context.close();
    });
  } finally {
    clearTimeout(stuck);
    await browser.close();
  }
});
