// Bundles the extension into one file; VS Code itself is the only thing that is not in it.
// Beside it: the licences of what is in the bundle, and the README for its page in VS Code.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const { metafile } = await build({
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  bundle: true,
  platform: "node",
  format: "cjs",
  target: "node20",
  external: ["vscode"],
  minify: true,
  metafile: true,
});

// The licences of what was bundled ask that their text goes with it.
const packages = Object.keys(metafile.inputs).flatMap((file) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []);
const licences = [...new Set(packages)].sort().map((folder) => {
  const name = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
  return `${folder.slice("node_modules/".length)}\n\n${readFileSync(`${folder}/${name}`, "utf8").trim()}\n`;
});
writeFileSync("dist/licenses.txt", licences.join("\n---\n\n"));

// VS Code's page of an extension shows no picture that is in the package, only what comes by https.
// The walkthrough shows them.
const readme = readFileSync("README.md", "utf8");
writeFileSync("dist/README.md", readme.replace(/^!\[.*\]\(images\/.*\)\n\n/gm, ""));
