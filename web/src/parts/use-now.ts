/** The time, told again every second: for clocks that run on a page. */
import { useEffect, useState } from 'react';

export function useNow(read: () => number, active = true): number {
  const [now, setNow] = useState(read);
  useEffect(() => {
    if (!active) return;
    setNow(read());
    const timer = setInterval(() => setNow(read()), 1000);
    return () => clearInterval(timer);
  }, [read, active]);
  return now;
}
