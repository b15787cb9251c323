// Lists of the query API: their addresses, and walking through all pages of one. It must not know what is listed.

// A path with parameters; those that are null or undefined are left out, an array is said once for each.
export function asked(path, parameters = {}) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === null || value === undefined || value === "") continue;
    for (const one of [value].flat()) given.append(name, one);
  }
  const text = given.toString();
  return text ? `${path}?${text}` : path;
}

// Every item of a list: `for await (const course of pages((cursor) => client.courses.list({ cursor })))`.
// list: async, gets a cursor (null: the first page) and answers { items, next_cursor }.
export async function* pages(list) {
  let cursor = null;
  do {
    const page = await list(cursor);
    yield* page.items;
    cursor = page.next_cursor;
  } while (cursor);
}
