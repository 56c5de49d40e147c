/** What takes long to make and few pages need: a formatter takes up to ten milliseconds, which adds up before a page's first paint. */

/** Makes it the first time that it is asked for. */
export function onceAsked<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
