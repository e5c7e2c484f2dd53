// What the page keeps in the browser: drafts, judgements to be sent, language. Where storage is barred, the page
// still works, and forgets on reload.

export interface KeyValueStore {
  get(key: string): string | null;
  set(key: string, value: string): void;
  remove(key: string): void;
  /** Keys that begin with the prefix. */
  keys(prefix: string): string[];
}

/** A store that lasts as long as the page. */
export function memoryStore(): KeyValueStore {
  const values = new Map<string, string>();
  return {
    get: (key) => values.get(key) ?? null,
    set: (key, value) => void values.set(key, value),
    remove: (key) => void values.delete(key),
    keys: (prefix) => [...values.keys()].filter((key) => key.startsWith(prefix)),
  };
}

/** localStorage, backed by memory where it is barred or full. */
export function browserStore(): KeyValueStore {
  const memory = memoryStore();
  const attempt = <T>(work: (storage: Storage) => T): T | undefined => {
    try {
      return work(window.localStorage);
    } catch {
      return undefined;
    }
  };
  return {
    get: (key) => memory.get(key) ?? attempt((storage) => storage.getItem(key)) ?? null,
    set: (key, value) => {
      const isStored = attempt((storage) => {
        storage.setItem(key, value);
        return true;
      });
      if (isStored === true) memory.remove(key);
      else memory.set(key, value);
    },
    remove: (key) => {
      memory.remove(key);
      attempt((storage) => storage.removeItem(key));
    },
    keys: (prefix) => {
      const stored = attempt((storage) => Object.keys(storage).filter((key) => key.startsWith(prefix))) ?? [];
      return [...new Set([...stored, ...memory.keys(prefix)])];
    },
  };
}

/** Reads JSON that this page wrote; null where there is none or it is damaged. */
export function readJson<T>(store: KeyValueStore, key: string): T | null {
  const text = store.get(key);
  if (text === null) return null;
  try {
    return JSON.parse(text) as T;
  } catch {
    store.remove(key);
    return null;
  }
}
