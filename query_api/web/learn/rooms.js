// The channels that one is in, with what is unread in each, kept live. It must not know how they are shown.

export class Rooms {
  items = []; // Room as GET /v1/me/channels has it
  total = 0; // unread messages in all of them
  changed = () => {};

  constructor(client) {
    this.client = client;
  }

  async start() {
    const { items } = await this.client.api.read("/v1/me/channels");
    this.items = items;
    this.total = items.reduce((sum, room) => sum + room.unread, 0);
    this.changed();
  }

  stop() {}
}
