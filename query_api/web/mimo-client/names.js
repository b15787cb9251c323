// The names of people, asked for together and kept for a while. It must not know where they are shown.

import { Away } from "./errors.js";

const AGAIN = 3000; // milliseconds, while an API is away
const GATHERING = 20; // milliseconds in which wishes become one question
const MOST = 100; // of one question
const GOOD_FOR = 600000; // milliseconds

export class Names {
  #known = new Map(); // { name, until } by id
  #wanted = new Set();
  #timer = null;
  #observers = new Set();

  constructor(people) {
    this.people = people;
  }

  // Calls back when names have become known; returns how to stop that.
  onChange(observer) {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  // A name; null: erased or nobody; undefined: not known yet, and asked for.
  of(userId) {
    const known = this.#known.get(userId);
    if (!known || known.until < performance.now()) this.#want(userId);
    return known?.name;
  }

  // Takes in what an answer says anyway.
  learn(userId, name) {
    this.#known.set(userId, { name, until: performance.now() + GOOD_FOR });
  }

  forget() {
    this.#known.clear();
  }

  #want(userId) {
    this.#wanted.add(userId);
    this.#timer ??= setTimeout(() => this.#ask(), GATHERING);
  }

  async #ask() {
    const ids = [...this.#wanted].slice(0, MOST);
    try {
      const { items } = await this.people.many(ids);
      for (const id of ids) this.learn(id, null);
      for (const { user_id, display_name } of items) this.learn(user_id, display_name);
      for (const id of ids) this.#wanted.delete(id);
    } catch (error) {
      if (error instanceof Away) {
        this.#timer = setTimeout(() => this.#ask(), AGAIN);
        return;
      }
      for (const id of ids) this.learn(id, undefined); // not to be had; whoever shows them later asks again
      for (const id of ids) this.#wanted.delete(id);
    }
    this.#timer = this.#wanted.size ? setTimeout(() => this.#ask(), 0) : null;
    for (const observer of this.#observers) observer();
  }
}
