// Checks the types and writes dist/: ESM, a script-tag build, declarations.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ROOT = path.dirname(fileURLToPath(import.meta.url));

function compile(project) {
  const program = path.join(ROOT, "node_modules/typescript/bin/tsc");
  const done = spawnSync(process.execPath, [program, "-p", project], { cwd: ROOT, stdio: "inherit" });
  if (done.status !== 0) process.exit(1);
}

rmSync(path.join(ROOT, "dist"), { recursive: true, force: true });
const common = {
  absWorkingDir: ROOT,
  entryPoints: ["src/index.ts"],
  bundle: true,
  target: "es2020",
  platform: "neutral",
  sourcemap: true,
};
const script = { ...common, format: "iife", globalName: "Millrace" };
await Promise.all([
  build({ ...common, format: "esm", outfile: "dist/index.mjs" }),
  build({ ...script, outfile: "dist/millrace.js" }),
  build({ ...script, outfile: "dist/millrace.min.js", minify: true }),
]);
compile("tsconfig.json");
compile("tests/types/tsconfig.json");
