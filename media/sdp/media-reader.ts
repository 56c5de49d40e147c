/** Gathers one m= section, attribute by attribute. */
import { ProtocolError } from '../protocol-error.ts';
import type { Direction, SdpCodec, SdpExtension, SdpMedia, SdpRid, SdpSource, SdpSourceGroup } from './description.ts';
import { decimal, words } from './lines.ts';
import { parseTransportAttribute, type TransportAttributes } from './transport-attributes.ts';

/** Payload types are seven bits; data channels and such have names. */
const MAX_FORMATS = 128;
const MAX_PORT = 65_535;
const MAX_PAYLOAD_TYPE = 127;
const MAX_SSRC = 0xffffffff;
/** Browsers name five kinds for each codec. */
const MAX_FEEDBACK = 32;
/** RFC 8285 §4.3: two-byte ids. */
const MAX_EXTENSION_ID = 255;
const TOKEN = /^[!#$%&'*+.^_`{|}~0-9A-Za-z-]{1,64}$/;
const RID = /^[A-Za-z0-9_-]{1,255}$/;

interface CodecDraft {
  name: string;
  clockRate: number;
  channels: number | undefined;
  readonly parameters: Map<string, string>;
  readonly feedback: string[];
}

interface SimulcastDraft {
  send: string[];
  recv: string[];
}

export class MediaReader {
  readonly #kind: string;
  readonly #port: number;
  readonly #protocol: string;
  readonly #formats: readonly string[];
  readonly #codecs = new Map<number, CodecDraft>();
  readonly #wildcardFeedback: string[] = [];
  readonly #extensions: SdpExtension[] = [];
  readonly #sources = new Map<number, string | undefined>();
  readonly #sourceGroups: SdpSourceGroup[] = [];
  readonly #rids: SdpRid[] = [];
  readonly #simulcast: SimulcastDraft = { send: [], recv: [] };
  readonly #transport: TransportAttributes = { fingerprints: [], candidates: [], endOfCandidates: false };
  #mid: string | undefined;
  #msid: string | undefined;
  #direction: Direction = 'sendrecv';
  readonly #flags = new Set<string>();

  /** @param line what follows `m=`. Throws ProtocolError. */
  constructor(line: string) {
    const [kind = '', port = '', protocol = '', ...formats] = words(line);
    const number = decimal(port.split('/')[0], MAX_PORT);
    if (!TOKEN.test(kind) || number === undefined || !/^[A-Za-z0-9/-]{1,40}$/.test(protocol)) throw new ProtocolError('m= line is not kind, port, protocol and formats');
    if (formats.length > MAX_FORMATS) throw new ProtocolError(`medium has ${formats.length} formats, more than ${MAX_FORMATS}`);
    this.#kind = kind;
    this.#port = number;
    this.#protocol = protocol;
    this.#formats = formats;
  }

  /** Throws ProtocolError. */
  attribute(name: string, value: string): void {
    switch (name) {
      case 'mid':
        if (!TOKEN.test(value)) throw new ProtocolError('mid is not a token of at most 64 characters');
        this.#mid = value;
        break;
      case 'sendrecv':
      case 'sendonly':
      case 'recvonly':
      case 'inactive':
        this.#direction = name;
        break;
      case 'rtpmap':
        this.#rtpmap(value);
        break;
      case 'fmtp':
        this.#fmtp(value);
        break;
      case 'rtcp-fb':
        this.#feedback(value);
        break;
      case 'extmap':
        this.#extmap(value);
        break;
      case 'ssrc':
        this.#ssrc(value);
        break;
      case 'ssrc-group':
        this.#ssrcGroup(value);
        break;
      case 'rid':
        this.#rid(value);
        break;
      case 'simulcast':
        this.#readSimulcast(value);
        break;
      case 'msid':
        this.#msid = value;
        break;
      case 'rtcp-mux':
      case 'rtcp-rsize':
      case 'bundle-only':
        this.#flags.add(name);
        break;
      default:
        parseTransportAttribute(name, value, this.#transport);
    }
  }

  /** @param session what stands for media that do not say it themselves. */
  media(session: TransportAttributes): SdpMedia {
    const ufrag = this.#transport.ufrag ?? session.ufrag;
    const pwd = this.#transport.pwd ?? session.pwd;
    const codecs = this.#formats.flatMap((format) => this.#codecOf(decimal(format, MAX_PAYLOAD_TYPE)));
    return {
      kind: this.#kind,
      port: this.#port,
      protocol: this.#protocol,
      mid: this.#mid,
      direction: this.#direction,
      codecs,
      otherFormats: this.#formats.filter((format) => !this.#codecs.has(decimal(format, MAX_PAYLOAD_TYPE) ?? -1)),
      extensions: this.#extensions,
      ice: ufrag !== undefined && pwd !== undefined ? { ufrag, pwd } : undefined,
      fingerprints: this.#transport.fingerprints.length > 0 ? this.#transport.fingerprints : session.fingerprints,
      setup: this.#transport.setup ?? session.setup,
      candidates: this.#transport.candidates,
      endOfCandidates: this.#transport.endOfCandidates || session.endOfCandidates,
      sources: [...this.#sources].map(([ssrc, cname]): SdpSource => ({ ssrc, cname })),
      sourceGroups: this.#sourceGroups,
      rids: this.#rids,
      simulcast: this.#simulcast,
      msid: this.#msid,
      rtcpMux: this.#flags.has('rtcp-mux'),
      rtcpReducedSize: this.#flags.has('rtcp-rsize'),
      bundleOnly: this.#flags.has('bundle-only'),
    };
  }

  #codecOf(payloadType: number | undefined): SdpCodec[] {
    const draft = payloadType === undefined ? undefined : this.#codecs.get(payloadType);
    if (payloadType === undefined || !draft) return [];
    return [{ payloadType, ...draft, feedback: [...draft.feedback, ...this.#wildcardFeedback] }];
  }

  /** Payload types that the m= line does not name mean nothing. */
  #draft(format: string | undefined): CodecDraft | undefined {
    const payloadType = decimal(format, MAX_PAYLOAD_TYPE);
    if (format === undefined || payloadType === undefined || !this.#formats.includes(format)) return undefined;
    const known = this.#codecs.get(payloadType);
    if (known) return known;
    const draft = { name: '', clockRate: 0, channels: undefined, parameters: new Map<string, string>(), feedback: [] };
    this.#codecs.set(payloadType, draft);
    return draft;
  }

  #rtpmap(value: string): void {
    const [format, encoding = ''] = words(value);
    const [name = '', rate, channels] = encoding.split('/');
    const clockRate = decimal(rate, 10_000_000);
    if (!TOKEN.test(name) || !clockRate) throw new ProtocolError(`rtpmap ${JSON.stringify(value.slice(0, 80))} is not a payload type, name and clock rate`);
    const draft = this.#draft(format);
    if (draft) Object.assign(draft, { name, clockRate, channels: decimal(channels, 255) });
  }

  #fmtp(value: string): void {
    const space = value.indexOf(' ');
    const draft = space === -1 ? undefined : this.#draft(value.slice(0, space));
    if (!draft) return;
    for (const part of value.slice(space + 1).split(';')) {
      const parameter = part.trim();
      const equals = parameter.indexOf('=');
      if (equals > 0) draft.parameters.set(parameter.slice(0, equals).toLowerCase(), parameter.slice(equals + 1));
      else if (parameter !== '') draft.parameters.set('', parameter);
    }
  }

  #feedback(value: string): void {
    const [format, ...kinds] = words(value);
    const list = format === '*' ? this.#wildcardFeedback : this.#draft(format)?.feedback;
    if (list && list.length < MAX_FEEDBACK) list.push(kinds.join(' '));
  }

  #extmap(value: string): void {
    const [mapping, uri] = words(value);
    const id = decimal(mapping?.split('/')[0], MAX_EXTENSION_ID);
    if (id !== undefined && id > 0 && uri !== undefined) this.#extensions.push({ id, uri });
  }

  #ssrc(value: string): void {
    const [number, ...rest] = words(value);
    const ssrc = decimal(number, MAX_SSRC);
    if (ssrc === undefined) throw new ProtocolError('ssrc is not a number of 32 bits');
    const attribute = rest.join(' ');
    this.#sources.set(ssrc, attribute.startsWith('cname:') ? attribute.slice('cname:'.length) : this.#sources.get(ssrc));
  }

  #ssrcGroup(value: string): void {
    const [semantics = '', ...numbers] = words(value);
    this.#sourceGroups.push({ semantics, ssrcs: numbers.flatMap((number) => decimal(number, MAX_SSRC) ?? []) });
  }

  #rid(value: string): void {
    const [id = '', direction] = words(value);
    if (RID.test(id) && (direction === 'send' || direction === 'recv')) this.#rids.push({ id, direction });
  }

  /** RFC 8853 §5.1: layers between semicolons, alternatives between commas, `~` before paused ones. The first alternative is taken. */
  #readSimulcast(value: string): void {
    const parts = words(value);
    for (let i = 0; i + 1 < parts.length; i += 2) {
      const direction = parts[i];
      const layers = (parts[i + 1] ?? '').split(';').map((layer) => (layer.split(',')[0] ?? '').replace(/^~/, ''));
      if (direction === 'send' || direction === 'recv') this.#simulcast[direction] = layers.filter((layer) => RID.test(layer));
    }
  }
}
