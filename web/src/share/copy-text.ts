/** Puts text on the clipboard, also where a page is served over plain HTTP and the modern way is missing. */

export async function copyText(text: string): Promise<boolean> {
  try {
    if ('clipboard' in navigator && navigator.clipboard) {
      await navigator.clipboard.writeText(text);
      return true;
    }
  } catch {
    // Not allowed here; the old way may be.
  }
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  return done;
}
