/** placeholder */
export function ChoosePage() { return null; }
