// A demo server and a browser for tests: started once, ended whatever happens.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("../..", import.meta.url));
export const pictures = fileURLToPath(new URL("../pictures", import.meta.url));

/** `waybill demo` on a free port with a data directory of its own. */
export async function startDemo(binary = process.env.WAYBILL_BINARY ?? join(root, "target/debug/waybill")) {
  const folder = mkdtempSync(join(tmpdir(), "waybill-console-"));
  const arguments_ = ["demo", "--listen", "127.0.0.1:0", "--data-dir", folder, "--print-json", "--past-days", "14"];
  // Tests listen on this machine for what a destination is told.
  const env = { ...process.env, WAYBILL__EGRESS__ALLOW: "127.0.0.0/8" };
  const child = spawn(binary, arguments_, { stdio: ["ignore", "pipe", "inherit"], env });
  const stop = () => {
    child.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  };
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`waybill demo ended with status ${code}`)));
  });
  return { ...JSON.parse(line), stop };
}

/** Debian's Chromium, or the one that CHROMIUM names. */
export async function startBrowser() {
  const candidates = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
  const executablePath = candidates.find((path) => path && existsSync(path));
  if (!executablePath) throw new Error("Chromium is missing: scripts/need chromium");
  mkdirSync(pictures, { recursive: true });
  return chromium.launch({
    executablePath, headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-dev-shm-usage"],
  });
}

/** A page of its own, signed in unless it is not to be; what the browser complains about is kept with it. */
export async function signedIn(browser, url, key, { scheme = "light", width = 1360, height = 850 } = {}) {
  const context = await browser.newContext({ colorScheme: scheme, viewport: { width, height }, baseURL: url });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: url });
  const page = await context.newPage();
  page.complaints = [];
  page.on("pageerror", (error) => page.complaints.push(`uncaught: ${error.message}`));
  page.on("console", (line) => line.type() === "error" && page.complaints.push(line.text()));
  if (key) {
    const signIn = await context.request.post("/api/v1/console/session", { headers: { "x-waybill-console": "1" }, data: { key } });
    if (!signIn.ok()) throw new Error(`sign-in: ${signIn.status()}`);
  }
  return { context, page };
}

/** A request to the API with a key. */
export function caller(url, key) {
  return async (path, body, method = body === undefined ? "GET" : "POST", more = {}) => {
    const answer = await fetch(`${url}/api/v1${path}`, {
      method, headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...more },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text.startsWith("{") ? JSON.parse(text) : text;
  };
}
