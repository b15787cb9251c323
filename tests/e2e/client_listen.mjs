// Two listeners, one over a WebSocket and one over an event stream, and a sender, in one process: whatever dies meanwhile,
// each hears every message once and in order. Arguments: the client, the query API, the command API, the channel, an
// e-mail address and a password, and how many messages. Prints a line at each message that both have, then what each heard.

import { pathToFileURL } from "node:url";

const [module, query, commands, channel, email, password, count] = process.argv.slice(2);
const { MimoClient } = await import(pathToFileURL(module));
const heard = { socket: [], stream: [] };
const clients = [];
let done;
const everything = new Promise((resolve) => (done = resolve));

for (const [how, options] of Object.entries({ socket: {}, stream: { WebSocketClass: null } })) {
  const client = new MimoClient({ query, commands, ...options });
  clients.push(client);
  await client.signIn(email, password);
  const { last_seq } = await client.messages.list(channel);
  client.live.subscribe(channel, {
    afterSeq: last_seq,
    event: ({ seq, data }) => {
      heard[how].push([seq, data.text]);
      const both = Math.min(heard.socket.length, heard.stream.length);
      if (heard[how].length === both) console.log(both);
      if (both === Number(count)) done();
    },
    reset: async () => {
      throw new Error("a reset, so few events after the last one");
    },
  });
}
for (let number = 0; number < Number(count); number++) {
  clients[0].outbox.send(channel, `message ${number}`);
}
await everything;
console.log(JSON.stringify(heard));
for (const client of clients) await client.signOut();
