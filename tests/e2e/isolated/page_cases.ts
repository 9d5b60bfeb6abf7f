/**
 * The server's page in headless Chromium; the browser's path is the only argument.
 *
 * @module
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Seen } from "../../unit/serving.ts";
import { answers, ask, audit, drop, startServers } from "../runtimes/chat_page.ts";
import { complaintsOf, launchChromium } from "../runtimes/playwright.ts";
import { imagePath } from "../tiny_model.ts";

const picture = imagePath("rgb_8.png");

Deno.test("the server's page chats about images, by keyboard, in two languages, and asks for a key", async (t) => {
  using servers = await startServers();
  const { ports } = servers;
  const url = `http://127.0.0.1:${ports.open}/`;
  const browser = await launchChromium();
  const stuck = setTimeout(() => browser.close(), 180_000);
  try {
    const context = await browser.newContext({ locale: "en-GB", permissions: ["clipboard-read", "clipboard-write"] });
    const page = await context.newPage();
    const complaints = complaintsOf(page);
    const addresses: string[] = [];
    const sent: Seen[] = [];
    page.on("request", (request) => {
      if (!request.url().startsWith("data:")) addresses.push(request.url());
      if (request.url().endsWith("/chat/completions")) sent.push(new Seen(JSON.parse(request.postData()!)));
    });
    const asked = () => sent.at(-1)!;
    const cancelled = async () =>
      /^minimind_answers_cancelled_total (\d+)$/m.exec(await (await fetch(`${url}metrics`)).text())![1]!;

    await t.step("it loads from its own server alone, and its policy lets it do no more", async () => {
      const headers = (await page.goto(url))!.headers();
      assertMatch(headers["content-security-policy"]!, /^default-src 'none'; script-src 'self'; style-src 'self';/);
      await page.locator('#temperature[placeholder="0.8"]').waitFor({ state: "attached" });
      assertEquals(await page.locator("#model option").allInnerTexts(), ["random", "long"]);
      assertEquals(await page.evaluate("document.activeElement.id"), "question");
      const refused = await page.evaluate<string>(`fetch("http://localhost:1/").catch(({ name }) => name)`);
      assertEquals(refused, "TypeError");
      assertMatch(complaints.splice(0).join(), /violates the following Content Security Policy directive/);
    });

    await t.step("images are dropped, pasted and chosen, and the answer is the API's", async () => {
      await drop(page, [picture, imagePath("rgb_8.png")]);
      await page.locator("#pictures li:nth-child(2)").waitFor();
      await page.locator("#files").setInputFiles([
        imagePath("interlaced.gif"),
        `${import.meta.dirname}/page_cases.ts`,
      ]);
      await page.locator("#pictures li:nth-child(3)").waitFor();
      assertStringIncludes(await page.locator("#notice").innerText(), "page_cases.ts");
      await page.evaluate(`(async () => {
        const canvas = new OffscreenCanvas(9, 9);
        canvas.getContext("2d").fillRect(2, 2, 5, 5);
        await navigator.clipboard.write([new ClipboardItem({ "image/png": await canvas.convertToBlob() })]);
      })()`);
      await page.keyboard.press("Control+V");
      await page.locator("#pictures li:nth-child(4)").waitFor();
      await page.locator("#pictures li:nth-child(2) button").click();
      assertEquals(await page.locator("#pictures li").count(), 3);
      await page.locator("#settings-button").click();
      await page.locator("#seed").fill("5");
      await page.locator("#max_tokens").fill("40");
      await page.keyboard.press("Escape");
      await ask(page, "What are these?");
      await page.locator(answers).waitFor();
      const parts = asked().at("messages.0.content") as { type: string; image_url: { url: string } }[];
      assertEquals(parts.map(({ type }) => type), ["image_url", "image_url", "image_url", "text"]);
      assertEquals(parts[0]!.image_url.url, `data:image/png;base64,${Deno.readFileSync(picture).toBase64()}`);
      assertMatch(parts[1]!.image_url.url, /^data:image\/png;/); // a GIF may be animated, so it is drawn anew
      assertEquals([asked().at("seed"), asked().at("max_tokens"), asked().at("top_p")], [5, 40, undefined]);
      const body = JSON.stringify({ ...asked().value as object, stream: false });
      const { choices } = await (await fetch(`${url}v1/chat/completions`, { method: "POST", body })).json();
      assertEquals(await page.evaluate("document.querySelector('.answer').textContent"), choices[0].message.content);
      assertMatch(
        await page.locator(".state").innerText(),
        /^40 tokens, [\d.]+ a second.*cut at the limit of tokens$/,
      );
    });

    await t.step("where the answer looked is drawn over each image, and hidden again", async () => {
      assertEquals(asked().at("image_attention"), true);
      const look = page.locator(".look");
      assertMatch(await look.innerText(), /^Where it looked \(\d+ % of its attention was on images\)$/);
      assertEquals([await look.getAttribute("aria-pressed"), await page.locator(".frame canvas").count()], [
        "false",
        0,
      ]);
      await look.click();
      assertEquals([await look.getAttribute("aria-pressed"), await page.locator(".frame canvas").count()], ["true", 3]);
      const [fits, clear, covered] = await page.evaluate<[boolean, boolean, boolean]>(`(() => {
        const frames = [...document.querySelectorAll(".frame")];
        const box = (element) => JSON.stringify(element.getBoundingClientRect());
        const veils = frames.flatMap(({ lastChild }) =>
          [...lastChild.getContext("2d").getImageData(0, 0, lastChild.width, lastChild.height).data].filter((_, i) => i % 4 === 3));
        return [frames.every(({ firstChild, lastChild }) => box(firstChild) === box(lastChild)),
          Math.min(...veils) < 60, Math.max(...veils) > 120];
      })()`);
      assertEquals([fits, clear, covered], [true, true, true]);
      assertEquals(await audit(page), []);
      await look.click();
      assertEquals(await page.locator(".frame canvas").count(), 0);
      await look.click(); // the next question hides it
    });

    await t.step("the conversation keeps its images, is text and never markup, and is answered anew", async () => {
      await page.locator("#model").selectOption("long");
      const markup = `<img src="/x" onerror="alert(1)"><b>bold</b>`;
      await ask(page, markup);
      await page.locator(`.turn:nth-child(2) ${answers}`).waitFor();
      assertEquals(await page.locator(".frame canvas").count(), 0);
      const messages = asked().at("messages") as { role: string; content: unknown }[];
      assertEquals(messages.map(({ role }) => role), ["user", "assistant", "user"]);
      assertEquals([(messages[0]!.content as unknown[]).length, messages[2]!.content], [4, markup]);
      assertEquals(await page.locator(".turn:nth-child(2) .asked p").innerText(), markup);
      assertEquals(await page.locator("#log b").count(), 0);
      const before = sent.length;
      await page.locator(".turn:nth-child(2) .again").click();
      await page.locator(`.turn:nth-child(2) ${answers}`).waitFor();
      assertEquals([sent.length, asked().at("messages"), asked().at("model")], [before + 1, messages, "long"]);
    });

    await t.step("an answer streams in and is stopped, at the server too, and what is wrong is said", async () => {
      await page.locator("#settings-button").click();
      await page.locator("#max_tokens").fill("");
      await page.keyboard.press("Escape");
      await page.locator("#clear").click();
      assertEquals(await page.locator(".turn").count(), 0);
      await ask(page, "a".repeat(5000));
      await page.locator("[role=alert]").waitFor();
      assertMatch(await page.locator("[role=alert]").innerText(), /^Cannot /);
      assertMatch(
        complaints.splice(0).join(),
        /^error: Failed to load resource: the server responded with a status of 400/,
      );
      await page.locator("#settings-button").click();
      await page.locator("#max_tokens").fill("3000");
      await page.locator("#temperature").fill("0"); // it goes round in circles then
      await page.keyboard.press("Escape");
      const before = await cancelled();
      await ask(page, "Go on");
      assertEquals((asked().at("messages") as unknown[]).length, 1); // what failed is not sent again
      const length = () =>
        page.evaluate<number>("document.querySelector('.turn:nth-child(2) .answer').textContent.length");
      const lengths = new Set<number>();
      while (lengths.size < 4) lengths.add(await length());
      await page.keyboard.press("Escape");
      await page.locator(`.turn:nth-child(2) ${answers}`).waitFor();
      assertEquals(await page.locator(".turn:nth-child(2) .state").innerText(), "stopped");
      assertEquals(await page.evaluate("document.activeElement.id"), "question");
      while (await cancelled() === before) await new Promise((resolve) => setTimeout(resolve, 10));
    });

    await t.step("everything has a name, enough contrast and its place, in both languages and colours", async () => {
      assertEquals(await audit(page), []);
      await page.locator("#settings-button").click();
      await page.locator("#settings:popover-open").waitFor();
      await page.locator("#theme").click();
      await page.locator("#language").click();
      assertEquals(
        await page.evaluate("document.documentElement.lang + document.documentElement.dataset.theme"),
        "zh-CNdark",
      );
      assertEquals(await page.locator(".turn:nth-child(2) .state").innerText(), "已停止");
      assertEquals(await page.locator("#send").getAttribute("aria-label"), "发送");
      assertEquals(await audit(page), []);
      await page.reload();
      assertEquals(await page.locator("#welcome h2").innerText(), "就图片提问");
      assertEquals(await page.evaluate("document.documentElement.dataset.theme"), "dark");
      assertEquals(await page.locator("#max_tokens").inputValue(), "3000");
    });

    await t.step("the keyboard reaches everything, and shows where it is", async () => {
      const seen = new Set<string>();
      for (let i = 0; i < 14; i++) {
        await page.keyboard.press("Tab");
        const [id, outline] = await page.evaluate<[string, number]>(`(() => {
          const element = document.activeElement;
          const shown = element.id === "question" ? getComputedStyle(element.parentElement).boxShadow !== "none"
            : getComputedStyle(element).outlineStyle === "solid" && parseFloat(getComputedStyle(element).outlineWidth) >= 2;
          return [element.id || element.localName, element === document.body || shown];
        })()`);
        assert(outline, `the focus does not show on ${id}`);
        seen.add(id);
      }
      for (
        const id of ["model", "clear", "settings-button", "theme", "language", "main", "attach", "question", "send"]
      ) {
        assert(seen.has(id), `${id} is not reached`);
      }
    });
    assertEquals(complaints, []);
    assertEquals(addresses.filter((address) => !address.startsWith(url) && address !== "http://localhost:1/"), []);
    await context.close();

    await t.step("it begins in the browser's language and colours, and fits a narrow screen", async () => {
      const viewport = { width: 320, height: 480 };
      const context = await browser.newContext({ locale: "zh-CN", colorScheme: "dark", viewport });
      const page = await context.newPage();
      const complaints = complaintsOf(page);
      await page.goto(url);
      assertEquals(await page.locator("#welcome h2").innerText(), "就图片提问");
      assertEquals(await page.locator("#theme").getAttribute("aria-pressed"), "true");
      await ask(page, "x".repeat(100));
      await page.locator(answers).waitFor({ state: "attached" });
      assertEquals(await page.evaluate("document.documentElement.scrollWidth"), 320);
      assertEquals(await audit(page), []);
      assertEquals(complaints, []);
      await context.close();
    });

    await t.step("a server with keys is asked with one, which the tab keeps, under any prefix", async () => {
      const context = await browser.newContext({ locale: "en" });
      const page = await context.newPage();
      const complaints = complaintsOf(page);
      await page.goto(`http://127.0.0.1:${ports.guarded}/ai`);
      await page.locator("#key[open]").waitFor();
      assertEquals(await audit(page), []);
      await page.keyboard.type("sesame");
      await page.keyboard.press("Enter");
      await page.locator('#key-hint[data-word="keyWrong"]').waitFor();
      await page.keyboard.type("open-sesame");
      await page.keyboard.press("Enter");
      await page.locator("#key").waitFor({ state: "hidden" });
      await page.locator('#temperature[placeholder="0.8"]').waitFor({ state: "attached" });
      await ask(page, "Hi");
      await page.locator(answers).waitFor({ state: "attached" });
      await page.reload();
      await page.locator('#temperature[placeholder="0.8"]').waitFor({ state: "attached" });
      assertEquals(await page.locator("#key[open]").count(), 0);
      assertEquals(complaints.filter((line) => !line.includes("status of 401")), []);
      await context.close();
    });
  } finally {
    clearTimeout(stuck);
    await browser.close();
  }
});
