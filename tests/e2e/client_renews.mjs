// One listener whose access tokens end soon: it renews them over the same connection, and hears what is said after the
// first one is over. Arguments: the client, the query API, the command API, the channel, an e-mail address, a password.
// Prints the states that the connection had.

import { pathToFileURL } from "node:url";

const [module, query, commands, channel, email, password] = process.argv.slice(2);
const { MimoClient } = await import(pathToFileURL(module));
const client = new MimoClient({ query, commands });
const states = [];
client.live.on("state", (state) => states.push(state));
await client.signIn(email, password);
const first = await client.session.token();
const expires = JSON.parse(Buffer.from(first.split(".")[1], "base64url")).exp * 1000;
const { last_seq } = await client.messages.list(channel);
let heard;
const said = new Promise((resolve) => (heard = resolve));
client.live.subscribe(channel, { afterSeq: last_seq, event: ({ data }) => heard(data.text) });
while (Date.now() <= expires + 1000) await new Promise((later) => setTimeout(later, 200));
client.outbox.send(channel, "after the first token");
console.log(JSON.stringify({ text: await said, states }));
await client.signOut();
