// Looks at a portal in a real browser: every page that is named, at desktop and phone width, light and dark, with and without
// JavaScript. A finding is a line of JSON on standard output; with one, the exit code is 1.
//
//   portal-browser ADDRESS FOLDER PATH...
//
// What is looked for: accessibility (axe, all rules), errors on the console, requests to another host, dialogs, markup that a text
// became, pages wider than the window, and a keyboard that gets nowhere. Screenshots go to FOLDER. In the end it says `live`, and
// waits until the first page shows a text that is told on standard input: pages with JavaScript follow by themselves.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

const require = createRequire(join(process.env.PORTAL_BROWSER_MODULES, "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const LIVE_MS = 30_000;
const ALL_MS = 300_000;
const WINDOWS = [
  { name: "desktop", width: 1280, height: 900 },
  { name: "phone", width: 390, height: 844 },
];

const [address, folder, ...paths] = process.argv.slice(2);
const host = new URL(address).host;
let findings = 0;
let looks = 0;

function find(where, what) {
  findings += 1;
  console.log(JSON.stringify({ where, what }));
}

function name(path) {
  return path.replace(/^\//, "").replace(/[^a-z0-9]+/gi, "-") || "overview";
}

// Everything that a page must never do is heard from before it is opened.
function listen(page, where) {
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") find(where(), `console: ${message.text()}`);
  });
  page.on("pageerror", (error) => find(where(), `error: ${error.message}`));
  page.on("dialog", (dialog) => {
    find(where(), `dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => {
    if (new URL(request.url()).host !== host) find(where(), `request to ${request.url()}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) find(where(), `${response.status()} for ${response.url()}`);
  });
}

// What the document holds that no page of ours does, and whether it fits.
function inspect() {
  const found = [];
  for (const script of document.querySelectorAll("script")) {
    if (!/\/portal\.js$/.test(script.src) || script.textContent) found.push(`a script: ${script.outerHTML}`);
  }
  for (const element of document.querySelectorAll("*")) {
    for (const attribute of element.attributes) {
      if (/^on|^style$/i.test(attribute.name)) found.push(`${element.tagName} with ${attribute.name}`);
    }
  }
  if (document.querySelector("main img, iframe, object, embed, base")) found.push("an element that no page has");
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`${root.scrollWidth} wide in ${root.clientWidth}`);
  return found;
}

async function accessible(page, where) {
  await page.evaluate(`${axe}; undefined`);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  for (const { id, nodes } of violations) {
    find(where, `axe ${id}: ${nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(" | ")}`);
  }
}

async function keyboard(page, where) {
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement.className);
  if (first !== "skip") find(where, `the first stop of the keyboard is \`${first}\``);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  const inside = await page.evaluate(() => document.activeElement.closest("main, footer") !== null);
  if (!inside && (await page.locator("main a, main [tabindex]").count()) > 0) find(where, "the skip link leads nowhere");
}

async function look(browser, window, colorScheme, javaScriptEnabled) {
  const manner = `${window.name}-${colorScheme}-${javaScriptEnabled ? "script" : "plain"}`;
  const { width, height } = window;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, javaScriptEnabled });
  const page = await context.newPage();
  let where = manner;
  listen(page, () => where);
  // Axe is a script itself: without JavaScript it looks at the same page in a window where only ours is held back.
  const held = await browser.newContext({ viewport: { width, height }, colorScheme });
  await held.route("**/portal.js", (route) => route.fulfill({ contentType: "text/javascript", body: "" }));
  const still = await held.newPage();
  for (const path of paths) {
    where = `${manner} ${path}`;
    await page.goto(new URL(path, address).href, { waitUntil: "load" });
    looks += 1;
    (await page.evaluate(inspect)).forEach((what) => find(where, what));
    if (javaScriptEnabled) await accessible(page, where);
    await page.screenshot({ path: join(folder, `${name(path)}-${manner}.png`), fullPage: true });
    await keyboard(page, where);
    if (!javaScriptEnabled) {
      await still.goto(page.url(), { waitUntil: "load" });
      await accessible(still, where);
    }
  }
  await held.close();
  await context.close();
}

async function follow(browser) {
  const page = await browser.newPage();
  listen(page, () => "live");
  await page.goto(new URL(paths[0], address).href);
  await page.getByText("Live", { exact: true }).waitFor({ timeout: LIVE_MS });
  console.log("live");
  for await (const wanted of createInterface({ input: process.stdin })) {
    try {
      await page.getByText(wanted).first().waitFor({ timeout: LIVE_MS });
    } catch {
      find("live", `\`${wanted}\` does not appear by itself`);
    }
    break;
  }
}

// Whatever hangs, this ends.
setTimeout(() => {
  find("all", `not done after ${ALL_MS} ms`);
  process.exit(1);
}, ALL_MS).unref();
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.PORTAL_BROWSER_CHROMIUM,
  // In a container there is no namespace for the browser's own sandbox; the pages are of this machine.
  chromiumSandbox: false,
});
for (const window of WINDOWS) {
  for (const scheme of ["light", "dark"]) {
    for (const script of [true, false]) await look(browser, window, scheme, script);
  }
}
await follow(browser);
await browser.close();
console.log(`${looks} looks, ${findings} findings`);
process.exit(findings === 0 ? 0 : 1);
