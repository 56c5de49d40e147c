/** What this device is, as far as it says so. */
import type { DeviceKind } from '@millrace/contract/commands/stream-socket';

export function deviceKind(): DeviceKind {
  const agent = navigator.userAgent;
  if (/\b(SmartTV|SMART-TV|Tizen|Web0S|AppleTV|GoogleTV|BRAVIA)\b/i.test(agent)) return 'tv';
  if (/iPad|Tablet|PlayBook/i.test(agent) || (/Android/i.test(agent) && !/Mobile/i.test(agent))) return 'tablet';
  if (/Mobi|iPhone|Android/i.test(agent)) return 'phone';
  return 'desktop';
}

/** "Chrome on Linux", for the list of an owner's devices. */
export function deviceName(): { name: string; platform: string } {
  const agent = navigator.userAgent;
  const browser = /Edg\//.test(agent) ? 'Edge' : /Firefox\//.test(agent) ? 'Firefox' : /Chrom(e|ium)\//.test(agent) ? 'Chrome' : /Safari\//.test(agent) ? 'Safari' : 'Browser';
  const platform = /Android/.test(agent) ? 'Android' : /iPhone|iPad/.test(agent) ? 'iOS' : /Mac OS/.test(agent) ? 'macOS' : /Windows/.test(agent) ? 'Windows' : 'Linux';
  return { name: `${browser} on ${platform}`, platform };
}
