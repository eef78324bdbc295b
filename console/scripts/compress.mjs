// Packs every built file with brotli and gzip beside itself, where that is worth it: the server
// sends what is there and packs nothing while it runs.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const PACKABLE = /\.(js|css|html|svg|json|txt)$/;
const dist = fileURLToPath(new URL("../dist", import.meta.url));

for (const name of readdirSync(dist, { recursive: true })) {
  const path = join(dist, name);
  // The page itself is filled in for each answer, so that it cannot be packed beforehand.
  if (!PACKABLE.test(name) || name === "index.html" || !statSync(path).isFile()) continue;
  const plain = readFileSync(path);
  const packed = {
    br: brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }),
    gz: gzipSync(plain, { level: 9 }),
  };
  for (const [end, bytes] of Object.entries(packed)) {
    if (bytes.length < plain.length) writeFileSync(`${path}.${end}`, bytes);
  }
}
