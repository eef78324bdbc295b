// Packs every built file with brotli and gzip beside itself, where that is worth it: the server
// sends what is there and packs nothing while it runs. Browsers take brotli over HTTPS alone; whoever
// opens the console by plain HTTP gets gzip, as small as Zopfli makes it.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompressSync, constants } from "node:zlib";
import zopfli from "@gfx/zopfli";

const PACKABLE = /\.(js|css|html|svg|json|txt)$/;
/** More rounds take longer and save next to nothing. */
const ROUNDS = 5;
const dist = fileURLToPath(new URL("../dist", import.meta.url));
const gzip = promisify(zopfli.gzip);

for (const name of readdirSync(dist, { recursive: true })) {
  const path = join(dist, name);
  // The page itself is filled in for each answer, so that it cannot be packed beforehand.
  if (!PACKABLE.test(name) || name === "index.html" || !statSync(path).isFile()) continue;
  const plain = readFileSync(path);
  const packed = {
    br: brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
    gz: await gzip(plain, { numiterations: ROUNDS }),
  };
  for (const [end, bytes] of Object.entries(packed)) {
    if (bytes.length < plain.length) writeFileSync(`${path}.${end}`, bytes);
  }
}
