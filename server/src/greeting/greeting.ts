/** What whoever starts the server in a terminal sees: where a phone finds it, and a QR that saves the typing. */
import { isWildcard, localNameOf, type Machine, urlHost } from '../lib/machine.ts';

export interface GreetingFacts {
  readonly publicUrl: string | undefined;
  /** The setting HOST. */
  readonly host: string;
  readonly ports: { readonly http: number; readonly https: number | undefined };
  readonly machine: Machine;
  readonly lanAddress: string | undefined;
  /** Of the local authority, which phones do not know yet; undefined when the certificate is another's. */
  readonly fingerprint: string | undefined;
}

/** Several lines, the QR among them. */
export async function greet(facts: GreetingFacts): Promise<string> {
  const [first, ...others] = addressesOf(facts);
  const { drawQr } = await import('./half-block-qr.ts');
  const lines = [
    '',
    facts.publicUrl === undefined ? '  On a phone in the same network, open or scan:' : '  Open or scan:',
    '',
    `    ${first}`,
    ...others.map((address) => `    ${address}`),
    '',
  ];
  for (const line of drawQr(first).split('\n')) lines.push(`    ${line}`);
  if (facts.fingerprint !== undefined && facts.publicUrl === undefined && facts.ports.https !== undefined) {
    const { hostname } = new URL(first);
    lines.push('', `  The first time, the phone warns of a certificate that it does not know. What to do: http://${hostname}:${facts.ports.http}/trust`);
    lines.push(`  The fingerprint of its authority: ${facts.fingerprint}`);
  }
  return `${lines.join('\n')}\n`;
}

/** The one to scan first. */
function addressesOf({ publicUrl, host, ports, machine, lanAddress }: GreetingFacts): readonly [string, ...string[]] {
  if (publicUrl !== undefined) return [publicUrl];
  const [scheme, port] = ports.https === undefined ? ['http', ports.http] : ['https', ports.https];
  const url = (name: string): string => `${scheme}://${urlHost(name)}:${port}`;
  if (!isWildcard(host)) return [url(host)];
  const local = localNameOf(machine);
  const byName = local === undefined ? [] : [url(local)];
  return [url(lanAddress ?? 'localhost'), ...byName];
}
