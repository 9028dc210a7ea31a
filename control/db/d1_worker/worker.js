// D1 for several Studio processes: POST /batch {"batch": [{"sql", "params"}]} runs as one transaction.
// Answers have the shape of Cloudflare's own D1 API. The secret TOKEN (32 characters or more) is the only way in.

const BODY_BYTES = 16_000_000;
const STATEMENTS = 100;
const PARAMETERS = 100;
const TOKEN_LENGTH = 32;

class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

const answer = (result) => Response.json({ success: true, errors: [], messages: [], result });
const refuse = (status, code, message) =>
  Response.json({ success: false, errors: [{ code, message }], messages: [], result: null }, { status });

// Digests have one length, so comparing them takes the same time for any token.
const digest = (text) => crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));

async function allowed(request, env) {
  const sent = (request.headers.get("authorization") ?? "").replace(/^Bearer /, "");
  const same = crypto.subtle.timingSafeEqual(await digest(sent), await digest(env.TOKEN ?? ""));
  return same && (env.TOKEN ?? "").length >= TOKEN_LENGTH;
}

async function body(request) {
  let size = 0;
  const parts = [];
  for await (const part of request.body ?? []) {
    size += part.byteLength;
    if (size > BODY_BYTES) throw new Refusal(413, 7413, `the body is larger than ${BODY_BYTES} bytes`);
    parts.push(part);
  }
  return await new Blob(parts).text();
}

function statements(text) {
  let batch;
  try {
    batch = JSON.parse(text).batch;
  } catch {
    batch = null;
  }
  const whole = (q) => typeof q?.sql === "string" && Array.isArray(q.params) && q.params.length <= PARAMETERS;
  if (!Array.isArray(batch) || batch.length < 1 || batch.length > STATEMENTS || !batch.every(whole)) {
    throw new Refusal(400, 7400, `send {"batch": [{"sql", "params"}]}: 1 to ${STATEMENTS} statements`);
  }
  return batch;
}

export default {
  async fetch(request, env) {
    if (!(await allowed(request, env))) return refuse(401, 10000, "Authentication error");
    if (request.method !== "POST" || new URL(request.url).pathname !== "/batch") return refuse(404, 7404, "not found");
    try {
      const batch = statements(await body(request));
      const results = await env.DB.batch(batch.map(({ sql, params }) => env.DB.prepare(sql).bind(...params)));
      return answer(results.map(({ results, meta }) => ({ results, meta, success: true })));
    } catch (error) {
      return refuse(error.status ?? 400, error.code ?? 7500, error.message);
    }
  },
};
