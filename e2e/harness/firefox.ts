/** Debian's Firefox, driven over WebDriver BiDi: as much of it as playing needs. Source: https://w3c.github.io/webdriver-bidi/. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child } from './child.ts';
import { TemporaryFolder } from './folder.ts';
import { until, within } from './until.ts';

const START_MS = 60_000;
const ANSWER_MS = 30_000;

const PREFERENCES: Readonly<Record<string, boolean | number | string>> = {
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  // The server of the tests listens on the loopback interface alone.
  'media.peerconnection.ice.loopback': true,
  'app.normandy.enabled': false,
  'app.update.auto': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'browser.aboutwelcome.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'toolkit.telemetry.server': '',
  'extensions.update.enabled': false,
  'media.gmp-manager.updateEnabled': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,',
};

type Message = Readonly<Record<string, unknown>>;

export class Firefox implements AsyncDisposable {
  readonly #child: Child;
  readonly #folder: TemporaryFolder;
  readonly #socket: WebSocket;
  readonly #answers = new Map<number, PromiseWithResolvers<Message>>();
  #lastId = 0;

  private constructor(child: Child, folder: TemporaryFolder, socket: WebSocket) {
    this.#child = child;
    this.#folder = folder;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#heard(JSON.parse(String(data))));
    socket.addEventListener('close', () => {
      for (const answer of this.#answers.values()) answer.reject(new Error(`Firefox hung up: ${child.tail()}`));
    });
  }

  static async open(): Promise<Firefox> {
    const folder = new TemporaryFolder();
    const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`);
    writeFileSync(join(folder.path, 'user.js'), lines.join('\n'));
    const args = ['--headless', '--no-remote', '--remote-debugging-port=0', '--profile', folder.path, 'about:blank'];
    const child = new Child('firefox-esr', args, { group: true, env: { ...process.env, HOME: folder.path } });
    try {
      const seen = () => [...child.stdout, ...child.stderr].flatMap((line) => /WebDriver BiDi listening on (ws:\S+)/.exec(line)?.[1] ?? []).at(0);
      const address = await until(seen, { what: 'Firefox to listen', timeoutMs: START_MS, seen: () => child.tail() });
      const socket = new WebSocket(`${address}/session`);
      const firefox = new Firefox(child, folder, socket);
      await within(
        new Promise<void>((resolve, reject) => {
          socket.addEventListener('open', () => resolve());
          socket.addEventListener('error', () => reject(new Error(`Firefox does not answer at ${address}`)));
        }),
        ANSWER_MS,
        'a connection to Firefox',
      );
      await firefox.command('session.new', { capabilities: {} });
      return firefox;
    } catch (error) {
      await child.stop('SIGKILL');
      folder[Symbol.dispose]();
      throw error;
    }
  }

  /** A page of its own, at this address. */
  async newPage(url: string): Promise<FirefoxPage> {
    const { context } = await this.command('browsingContext.create', { type: 'tab' });
    const page = new FirefoxPage(this, String(context));
    await page.goto(url);
    return page;
  }

  /** Rejects with what Firefox says. */
  async command(method: string, params: Message): Promise<Message> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Message>();
    this.#answers.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params }));
    try {
      return await within(answer.promise, ANSWER_MS, `Firefox to do ${method}`);
    } finally {
      this.#answers.delete(id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await this.#child.stop();
    this.#folder[Symbol.dispose]();
  }

  #heard(message: Message): void {
    const answer = this.#answers.get(Number(message['id']));
    if (message['type'] === 'success') answer?.resolve(recordIn(message['result']));
    else if (message['type'] === 'error') answer?.reject(new Error(`Firefox: ${String(message['message'])}`));
  }
}

export class FirefoxPage {
  readonly #firefox: Firefox;
  readonly #context: string;

  /** Made by `Firefox`. */
  constructor(firefox: Firefox, context: string) {
    this.#firefox = firefox;
    this.#context = context;
  }

  async goto(url: string): Promise<void> {
    await this.#firefox.command('browsingContext.navigate', { context: this.#context, url, wait: 'complete' });
  }

  /** What a function gives inside the page. It uses nothing from outside; what it takes and gives survives JSON. */
  async evaluate<Argument, Result>(call: (argument: Argument) => Result | Promise<Result>, argument: Argument): Promise<Result> {
    const { result, exceptionDetails } = await this.#firefox.command('script.callFunction', {
      // Undefined has no JSON: an empty list stands for it.
      functionDeclaration: `async (json) => JSON.stringify([await (${call})(...JSON.parse(json))].filter((value) => value !== undefined))`,
      arguments: [{ type: 'string', value: JSON.stringify(argument === undefined ? [] : [argument]) }],
      awaitPromise: true,
      userActivation: true,
      target: { context: this.#context },
    });
    if (exceptionDetails) throw new Error(`exception in Firefox: ${String(recordIn(exceptionDetails)['text'])}`);
    return JSON.parse(String(recordIn(result)['value']))[0];
  }

  async close(): Promise<void> {
    await this.#firefox.command('browsingContext.close', { context: this.#context });
  }
}

function recordIn(value: unknown): Message {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
