// Writes src/schema.ts, the API's types, from a running server's OpenAPI document: npm run types -- http://127.0.0.1:8080
// Only the schemas are kept: the requests are spelled out in src/api.ts.
import { writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

export async function schema(base) {
  const res = await fetch(`${base}/openapi.json`);
  if (!res.ok) throw new Error(`${base}/openapi.json: ${res.status}`);
  const document = await res.json();
  const ast = await openapiTS({ ...document, paths: {} }, { defaultNonNullable: false });
  return `// Made by tools/types.mjs from /openapi.json. Do not edit.\n${astToString(ast)}`;
}

if (process.argv[1] === import.meta.filename || process.argv[1]?.endsWith("types.mjs")) {
  writeFileSync(new URL("../src/schema.ts", import.meta.url), await schema(process.argv[2] ?? "http://127.0.0.1:8080"));
}
