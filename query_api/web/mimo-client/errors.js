// What can go wrong when an API is asked: it refuses, or it is away. It must not know what was asked.

// The API answered with a problem (RFC 9457): the message is its detail, a sentence; `code` is stable.
export class Refused extends Error {
  constructor(status, problem, retryAfter = null) {
    const trace = status === 500 && problem.trace_id ? ` (${problem.trace_id})` : "";
    super((problem.detail ?? `The answer was ${status}.`) + trace);
    this.name = "Refused";
    this.status = status;
    this.code = problem.code ?? "";
    this.detail = problem.detail ?? "";
    this.errors = problem.errors ?? [];
    this.retryAfter = retryAfter; // seconds, or null
  }
}

// Nothing came back, or that it cannot answer now: asking again helps.
export class Away extends Error {
  constructor(said, code = "", retryAfter = null) {
    super(said);
    this.name = "Away";
    this.code = code;
    this.detail = said;
    this.retryAfter = retryAfter; // seconds, or null
  }
}

const LATER = new Set([502, 503, 504]);

// The error that an answer which is not 2xx stands for.
export async function refusal(answer) {
  let problem = {};
  try {
    problem = await answer.json();
  } catch {
    // No problem of ours: something in between has answered.
  }
  const after = Number.parseFloat(answer.headers.get("Retry-After") ?? "");
  const retryAfter = Number.isFinite(after) ? after : null;
  if (!LATER.has(answer.status)) return new Refused(answer.status, problem, retryAfter);
  return new Away(problem.detail ?? "It cannot answer now.", problem.code ?? "", retryAfter);
}
