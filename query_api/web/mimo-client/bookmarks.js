// What reads must show at least: the bookmarks of answers, joined into one. It must not know who asks for what.

const PLACE = /^([a-z_]+\.\d+):(\d+)$/;
const MOST = 256; // places; the API takes 512

export class Bookmarks {
  #history = null;
  #places = new Map(); // offset by place, the one noted last at the end

  // Takes in what a `Mimo-Bookmark` header says; another history replaces what was known.
  note(text) {
    for (const item of (text ?? "").split(",").map((part) => part.trim())) {
      const place = PLACE.exec(item);
      if (place) this.#reach(place[1], Number(place[2]));
      else if (item.startsWith("log.") && item !== this.#history) {
        this.#history = item;
        this.#places.clear();
      }
    }
  }

  // The header's value; null while there is nothing to ask for.
  text() {
    if (!this.#places.size) return null;
    return [this.#history, ...[...this.#places].map(([place, offset]) => `${place}:${offset}`)].join(",");
  }

  forget() {
    this.#history = null;
    this.#places.clear();
  }

  #reach(place, offset) {
    const most = Math.max(offset, this.#places.get(place) ?? 0);
    this.#places.delete(place);
    this.#places.set(place, most);
    if (this.#places.size > MOST) this.#places.delete(this.#places.keys().next().value);
  }
}
