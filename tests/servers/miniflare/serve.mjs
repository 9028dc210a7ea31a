// Cloudflare's own D1 and R2 on loopback. argv: port, folder of the data, the Worker that we ship.
// Beside that Worker: the envelope of Cloudflare's D1 API around the same database, and POST /reset, which empties it.
import { readFile } from "node:fs/promises";
import { Miniflare } from "miniflare";

const [port, folder, worker] = process.argv.slice(2);
const entry = `
import shipped from "./worker.js";
const API = /^\\/client\\/v4\\/accounts\\/([^/]+)\\/d1\\/database\\/([^/]+)\\/query$/;
const OURS = "name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\\\_cf\\\\_%' ESCAPE '\\\\'";
const fail = (status, code, message) =>
  Response.json({ result: null, success: false, errors: [{ code, message }], messages: [] }, { status });

async function query(request, env, [, account, database]) {
  if (request.headers.get("authorization") !== "Bearer " + env.TOKEN) return fail(401, 10000, "Authentication error");
  if (account !== "account-1" || database !== "db-1") return fail(404, 7404, "The database could not be found");
  const { batch } = await request.json();
  try {
    const result = await env.DB.batch(batch.map(({ sql, params }) => env.DB.prepare(sql).bind(...params)));
    return Response.json({ result, success: true, errors: [], messages: [] });
  } catch (error) {
    return fail(400, 7500, error.message);
  }
}

async function reset(env) {
  const tables = await env.DB.prepare("SELECT name FROM sqlite_master WHERE type='table' AND " + OURS).all();
  const drops = tables.results.map(({ name }) => env.DB.prepare('DROP TABLE "' + name + '"'));
  await env.DB.batch([env.DB.prepare("PRAGMA defer_foreign_keys = ON"), ...drops]);
  return new Response(null, { status: 204 });
}

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url);
    if (pathname === "/reset") return reset(env);
    const match = API.exec(pathname);
    return match ? query(request, env, match) : shipped.fetch(request, env);
  },
};`;
const miniflare = new Miniflare({
  modules: [
    { type: "ESModule", path: "entry.js", contents: entry },
    { type: "ESModule", path: "worker.js", contents: await readFile(worker, "utf8") },
  ],
  host: "127.0.0.1",
  port: Number(port),
  compatibilityDate: "2026-01-01",
  bindings: { TOKEN: process.env.TOKEN },
  d1Databases: { DB: "db-1" },
  r2Buckets: { BUCKET: { id: "films", s3Credentials: { accessKeyId: "r2-key", secretAccessKey: "r2-secret" } } },
  d1Persist: `${folder}/d1`,
  r2Persist: `${folder}/r2`,
  telemetry: { enabled: false },
  cf: false,
});
process.on("SIGTERM", async () => {
  await miniflare.dispose();
  process.exit(0);
});
await miniflare.ready;
console.log("ready");
