// A browser that pytest drives: one JSON request a line in, one answer a line out.
//
//   {"open": url}              opens the address in a fresh profile, in place of the page before
//   {"chain": [[name, …], …]}  calls methods of Playwright's page one after another, each on what
//                              the one before it gave, as in page.locator(…).first().click();
//                              an argument {"function": source} is a function
//
// The arguments: the folder that playwright-core is installed in, the browser's program, and the
// limit of each wait in milliseconds.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [, , tools, executablePath, milliseconds] = process.argv;
const { chromium } = createRequire(`${tools}/`)("playwright-core");

const browser = await chromium.launch({
  executablePath,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
let page;

async function open(url) {
  await page?.context().close();
  const context = await browser.newContext({
    viewport: { width: 1200, height: 720 },
    permissions: ["clipboard-read", "clipboard-write"],
  });
  page = await context.newPage();
  page.setDefaultTimeout(Number(milliseconds));
  await page.goto(url);
}

async function call(chain) {
  let value = page;
  for (const [name, ...args] of chain) {
    const member = value[name];
    value = await (typeof member === "function" ? member.apply(value, args.map(made)) : member);
  }
  return value;
}

const made = (argument) => (argument?.function ? eval(argument.function) : argument);

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  let answer;
  try {
    const value = "open" in request ? await open(request.open) : await call(request.chain);
    answer = JSON.stringify({ value: value ?? null });
  } catch (error) {
    answer = JSON.stringify({ error: String(error?.message ?? error) });
  }
  process.stdout.write(`${answer}\n`);
}
await browser.close();
