/** The values AMF0 carries. Objects are maps: a peer chooses the names, and `__proto__` is one of them. */

export type AmfValue = null | undefined | boolean | number | string | AmfObject | readonly AmfValue[];

/** An anonymous or typed object or an ECMA array: RTMP peers use them alike. */
export type AmfObject = ReadonlyMap<string, AmfValue>;

export function amfObject(entries: Readonly<Record<string, AmfValue>>): AmfObject {
  return new Map(Object.entries(entries));
}

export function isAmfObject(value: AmfValue): value is AmfObject {
  return value instanceof Map;
}

/** The string at `name`, when there is an object and it has one. */
export function amfString(value: AmfValue, name: string): string | undefined {
  const found = isAmfObject(value) ? value.get(name) : undefined;
  return typeof found === 'string' ? found : undefined;
}

export function amfNumber(value: AmfValue, name: string): number | undefined {
  const found = isAmfObject(value) ? value.get(name) : undefined;
  return typeof found === 'number' ? found : undefined;
}
