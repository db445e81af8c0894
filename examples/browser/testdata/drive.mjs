// Drives Chromium through the page as a person would, and prints what the page
// shows: node drive.mjs doors|elsewhere, with the settings as JSON in DRIVE.
import { chromium } from "playwright-core";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { browser: executablePath, site, elsewhere, maxAge } = JSON.parse(process.env.DRIVE);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const context = await browser.newContext();
context.setDefaultTimeout(20_000);
const page = await context.newPage();
const shown = { violations: [] };
page.on("console", (m) => { if (/Content Security Policy/.test(m.text())) shown.violations.push(m.text()); });
page.on("pageerror", (error) => shown.violations.push(String(error)));

const button = (name) => page.getByRole("button", { name, exact: true });
const text = (id) => page.locator("#" + id).textContent();

// settled waits for the output to show what the pattern tells.
async function settled(id, pattern = /[^…]/) {
  const output = page.locator("#" + id);
  await output.filter({ hasText: pattern }).waitFor();
  return output.textContent();
}

async function press(door, pattern) {
  await page.locator(`[data-door="${door}"]`).click();
  shown[door] = await settled(door, pattern);
}

async function logIn(password) {
  await page.getByLabel("User name").fill("alice");
  await page.getByLabel("Password").fill(password);
  await button("Log in").click();
}

// audit lists the rules of accessibility that the page breaks, in light and dark.
async function audit() {
  const broken = [];
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await page.evaluate(axe + "; axe.run()");
    for (const v of violations) broken.push(`${colorScheme}: ${v.id}: ${v.nodes.map((n) => n.target).join(", ")}`);
    if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${colorScheme}.png`, fullPage: true });
  }
  return broken;
}

async function enter() {
  await page.goto(site);
  await button("Log in").click();
  await logIn("wonderland");
  await page.getByText("You are logged in.").waitFor();
}

const scenarios = {
  async doors() {
    await page.goto(site);
    await press("cors-token");
    shown.anonymous = shown["cors-token"];
    await button("Log in").click();
    await logIn("oops");
    shown.wrongPassword = await page.getByRole("alert").textContent();
    await logIn("wonderland");
    await page.getByText("You are logged in.").waitFor();
    const since = Date.now();
    shown.address = page.url();
    await press("delete");
    shown.fresh = shown.delete;

    for (const door of ["ws-none", "ws-strict", "ws-bad"]) await press(door, /Closed/);
    const lasting = { "ws-token": /Closed/, "ws-cookie": /Closed/, "events": /Ended/ };
    for (const door in lasting) await page.locator(`[data-door="${door}"]`).click();
    for (const door in lasting) shown[door] = await settled(door, lasting[door]);
    for (const door of ["cors-token", "cors-bad", "cors-method", "cors-cookie", "own-cookie", "inside-token", "inside-bad"]) await press(door);
    shown.inaccessible = await audit();

    await page.waitForTimeout(Math.max(0, since + maxAge + 1000 - Date.now()));
    await page.locator('[data-door="delete"]').click();
    await page.getByLabel("Password").waitFor();
    shown.demanded = new URL(page.url()).searchParams.get("max_age");
    await logIn("wonderland");
    shown.delete = await settled("delete");
    shown.state = await text("state");
  },

  // Pages of other origins, with the cookie of this one in the browser.
  async elsewhere() {
    await enter();
    await press("own-cookie");
    for (const [name, origin] of Object.entries(elsewhere)) {
      await page.goto(`${origin}/?${site}`);
      shown[name + " socket"] = await settled("socket");
      shown[name + " fetch"] = await settled("fetch");
      await button("Send").click();
      await page.waitForURL(site + "/**");
      shown[name + " form"] = await page.locator("body").textContent();
    }
  },
};

try {
  await scenarios[process.argv[2]]();
} catch (error) {
  shown.failed = `${error}\nat ${page.url()}\n${await page.locator("body").innerText().catch(() => "")}`;
}
console.log(JSON.stringify(shown));
await browser.close();
