// Reads an AsyncAPI document with the official parser, and prints as JSON what others see in it.
// Arguments: the folder where the parser is installed, and the document.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [folder, file] = process.argv.slice(2);
const { Parser } = createRequire(`${folder}/`)('@asyncapi/parser');
const { document, diagnostics } = await new Parser().parse(readFileSync(file, 'utf8'));

const kafka = (thing) => thing.bindings().get('kafka')?.json() ?? null;
const message = (m) => ({
  name: m.name(),
  contentType: m.contentType(),
  headers: m.headers()?.json(),
  payload: m.payload()?.json(),
  correlation: m.correlationId()?.location(),
  kafka: kafka(m),
  examples: m.examples().all().map((e) => ({ headers: e.headers(), payload: e.payload() })),
});

console.log(JSON.stringify({
  diagnostics: diagnostics.map((d) => ({ severity: d.severity, message: d.message, path: d.path.join('.') })),
  servers: document?.servers().all().map((s) => ({
    protocol: s.protocol(),
    variables: s.variables().all().map((v) => v.id()),
    security: s.security().flatMap((r) => r.all().map((one) => one.scheme().type())),
  })),
  channels: document?.channels().all().map((c) => ({
    address: c.address(),
    kafka: kafka(c),
    messages: c.messages().all().map(message),
  })),
  operations: document?.operations().all().map((o) => ({
    action: o.action(),
    channels: o.channels().all().map((c) => c.address()),
    messages: o.messages().all().map((m) => m.name()),
  })),
}));
