/** Budgets held against what was measured: the sentence under a table says by itself what missed, and by how much. */

export interface Judged {
  /** Completes "Missed by …". */
  readonly what: string;
  readonly measured: number;
  readonly budget: number;
  /** `least`: the budget is what must be reached at least. */
  readonly bound: 'most' | 'least';
  /** A value with its unit, as the table writes it. */
  format(value: number): string;
}

/** The budget in words, then one sentence on what was measured: met, or every miss. */
export function verdict(budget: string, judged: readonly Judged[]): string {
  if (judged.length === 0) return `Budget: ${budget}. Nothing was measured that it could be held against.`;
  const misses = judged.filter((one) => !isMet(one));
  if (misses.length === 0) return `Budget: ${budget}. Met.`;
  return `Budget: ${budget}. ${misses.map(missOf).join(' ')}`;
}

function isMet({ measured, budget, bound }: Judged): boolean {
  return bound === 'most' ? measured <= budget : measured >= budget;
}

function missOf({ what, measured, budget, bound, format }: Judged): string {
  const percent = Math.ceil(Math.abs(measured / budget - 1) * 100);
  const direction = bound === 'most' ? 'over' : 'under';
  return `**Missed by ${what}: ${format(measured)} is ${percent} % ${direction} ${format(budget)}.**`;
}
