/** A real browser: Chromium as the machine has it, else installed, else a sentence that says what to install. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { canInstall, ensureTool } from '../../tools/test-tools.ts';
import { run } from './child.ts';

/** Browser tests are part of every run unless somebody says otherwise in so many words. */
export const browserTestsAreOff = process.env['MILLRACE_SKIP_BROWSER_TESTS'] === '1';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable'];

/** Path of a Chromium that can be run. */
export async function findChromium(): Promise<string> {
  const named = process.env['MILLRACE_CHROMIUM'];
  if (named) return named;
  const found = PLACES.find((path) => existsSync(path)) ?? (existsSync(chromium.executablePath()) ? chromium.executablePath() : undefined);
  if (found) return found;
  const failures: string[] = [];
  if (canInstall()) {
    try {
      await ensureTool('chromium');
      return '/usr/bin/chromium';
    } catch (error) {
      failures.push(String(error));
    }
  }
  const packagePath = dirname(createRequire(import.meta.url).resolve('playwright-core/package.json'));
  const download = await run(process.execPath, [join(packagePath, 'cli.js'), 'install', 'chromium'], { timeoutMs: 300_000 });
  if (download.code === 0 && existsSync(chromium.executablePath())) return chromium.executablePath();
  failures.push(download.stderr.slice(-500));
  throw new Error(
    `The browser tests need Chromium. Install it (Debian and Ubuntu: apt-get install chromium; elsewhere: npx playwright-core install chromium), or set MILLRACE_SKIP_BROWSER_TESTS=1 to leave these tests out. Tried: ${failures.join(' | ')}`,
  );
}

/** Leads to this machine without being `localhost`, to which browsers give what they give to secure pages only. */
export const INSECURE_NAME = 'millrace.test';

export interface BrowserOptions {
  /** `allowed`: sound may start by itself. `needs-gesture`: as on a person's own browser on a first visit. */
  readonly autoplay: 'allowed' | 'needs-gesture';
  /** Further switches of Chromium. */
  readonly args?: readonly string[];
  /** Where its user's files lie, the authorities that the user trusts among them; the tests' own user otherwise. */
  readonly home?: string;
  /** A camera and a microphone: a moving pattern, and a beep each second. `asks`: the page needs the person's permission. */
  readonly fakeCamera?: boolean | 'asks';
  /** As in networks that let no UDP through. */
  readonly noUdp?: boolean;
}

/**
 * What no test is about. The popups of the address bar are pages of their own, made anew for each context; they and renderers kept in reserve take as much of
 * the processor as the page that is tested (1.5 s for a page of ours in a new context, 0.8 s without). The rest is as Playwright has it, whose own list does not count beside this one.
 */
const DISABLED_FEATURES = [
  'WebUIOmniboxPopup',
  'WebUIOmniboxAimPopup',
  'WebUIOmniboxFullPopup',
  'SpareRendererForSitePerProcess',
  'AimEnabled',
  'AvoidCorsURLLoaderRestartOnRedirect',
  'AvoidUnnecessaryBeforeUnloadCheckSync',
  'DestroyProfileOnBrowserClose',
  'HttpsFirstBalancedModeAutoEnable',
  'HttpsUpgrades',
  'LensOverlay',
  'MediaRouter',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'PaintHolding',
  'PreconnectToSearch',
  'ThirdPartyStoragePartitioning',
];

export async function openBrowser({ autoplay, args = [], home, fakeCamera = false, noUdp = false }: BrowserOptions): Promise<Browser> {
  return chromium.launch({
    executablePath: await findChromium(),
    headless: true,
    ...(home === undefined ? {} : { env: { ...process.env, HOME: home } }),
    // Playwright mutes; the tests listen.
    ignoreDefaultArgs: ['--mute-audio'],
    args: [
      '--no-sandbox',
      '--disable-gpu',
      // A name that is not this machine's: pages under it are as insecure as on a network.
      `--host-resolver-rules=MAP ${INSECURE_NAME} 127.0.0.1`,
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--disable-dev-shm-usage',
      `--disable-features=${DISABLED_FEATURES.join()}`,
      ...(noUdp ? ['--webrtc-ip-handling-policy=disable_non_proxied_udp', '--force-webrtc-ip-handling-policy'] : []),
      ...(fakeCamera ? ['--use-fake-device-for-media-stream'] : []),
      ...(fakeCamera === true ? ['--use-fake-ui-for-media-stream'] : []),
      `--autoplay-policy=${autoplay === 'allowed' ? 'no-user-gesture-required' : 'document-user-activation-required'}`,
      ...args,
    ],
  });
}

/** Of visitors whose test is not about looks: without a graphics card each picture costs by its size on the screen. */
const WINDOW = { width: 800, height: 600 };

/** The two sizes every page is looked at in. */
export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1440, height: 900 };

/** What a page said that it should not have said: errors on its console, exceptions, requests to other hosts. */
export class PageComplaints {
  readonly list: string[] = [];

  constructor(page: Page, origin: string) {
    page.on('pageerror', (error) => this.list.push(`exception: ${error.message}`));
    page.on('console', (message) => {
      // A status the page expects (404 for a wrong code) is logged by the browser itself, not by the page.
      if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) this.list.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => {
      const url = request.url();
      if (/^(https?|wss?):/.test(url) && new URL(url).host !== new URL(origin).host) this.list.push(`request to ${url}`);
    });
  }
}

export interface VisitorOptions {
  /** What the person answers when the page asks for camera and microphone. */
  readonly mayUseCamera?: boolean;
  readonly colorScheme?: 'dark' | 'light';
}

/** Another person's browser: nothing remembered, nothing shared. */
export async function newVisitor(browser: Browser, viewport: { readonly width: number; readonly height: number } = WINDOW, options: VisitorOptions = {}): Promise<BrowserContext> {
  const phone = viewport.width < 600;
  const { mayUseCamera = false, colorScheme = 'dark' } = options;
  return browser.newContext({
    viewport,
    hasTouch: phone,
    isMobile: phone,
    locale: 'en-GB',
    colorScheme,
    // What moves without end is drawn sixty times a second.
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write', ...(mayUseCamera ? ['camera', 'microphone'] : [])],
  });
}

/** A page for this person: the one that is given, or another of theirs. One that goes on to another address costs a third of a new one. */
export async function pageOf(at: BrowserContext | Page): Promise<Page> {
  return 'newPage' in at ? at.newPage() : at;
}
