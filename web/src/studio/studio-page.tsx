/** placeholder */
export function StudioPage() { return null; }
