// What outlives a reload in the same tab: sessionStorage, where there is one and it may be used. It must not know what
// is kept.

const PAGE = typeof document !== "undefined";

// { getItem, setItem, removeItem } that never throw; null outside of pages, and where people forbid it.
export function tabStorage() {
  try {
    return PAGE ? quiet(sessionStorage) : null;
  } catch {
    return null;
  }
}

// A full store keeps less; nothing else fails by that.
export function quiet(storage) {
  const attempt = (doing, otherwise) => {
    try {
      return doing();
    } catch {
      return otherwise;
    }
  };
  return {
    getItem: (key) => attempt(() => storage.getItem(key), null),
    setItem: (key, text) => attempt(() => storage.setItem(key, text)),
    removeItem: (key) => attempt(() => storage.removeItem(key)),
  };
}
