/** A part of a catalogue. Its keys begin with the names of what it is about, so that no two parts can hold the same key. */
export type Sentences<Area extends string> = Readonly<Record<`${Area}.${string}`, string | { readonly one: string; readonly other: string }>>;
