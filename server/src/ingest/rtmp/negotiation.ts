/** The commands from connect to publish, answered as encoders expect. Between the connection and the session. */
import { type AmfValue, amfNumber, amfObject, amfString } from '@millrace/media/amf/value';
import { ProtocolError } from '@millrace/media/protocol-error';
import { type Command, failure, onStatus, readCommand, result } from '@millrace/media/rtmp/command';
import { setPeerBandwidth, windowAcknowledgementSize } from '@millrace/media/rtmp/control';
import type { RtmpConnection } from './connection.ts';

/** What the client wants to publish, and what it can be told. */
export interface PublishIntent {
  readonly key: string;
  readonly streamId: number;
  /** Understands a request to connect anew. */
  readonly canReconnect: boolean;
}

const APP = 'live';
const WINDOW_BYTES = 2_500_000;

/** Encoders create one or two. */
const MAX_STREAMS = 8;

/** Enhanced RTMP v2, `FourCcInfoMask` CanForward: what is taken is passed on, neither decoded nor encoded here. */
const CAN_FORWARD = 4;
const VIDEO_FOUR_CCS = ['avc1', 'hvc1', 'av01', 'vp09'];
const AUDIO_FOUR_CCS = ['mp4a', 'Opus', '.mp3'];

/** Enhanced RTMP v2, `CapsExMask`. */
const CAN_RECONNECT = 1;
const CAN_MULTITRACK = 2;
const CAN_MOD_EX = 4;
const CAN_NANO_OFFSET = 8;

interface Connected {
  readonly app: string;
  readonly canReconnect: boolean;
}

/** Undefined when the client went away first. Throws ProtocolError when it cannot be served; it has been told then. */
export async function negotiate(connection: RtmpConnection): Promise<PublishIntent | undefined> {
  let connected: Connected | undefined;
  let streams = 0;
  for (let message = await connection.next(); message; message = await connection.next()) {
    const command = readCommand(message);
    if (!command) continue;
    if (command.name === 'connect') {
      connected = connect(connection, command);
      continue;
    }
    if (!connected) throw new ProtocolError(`command ${printable(command.name)} before connect`);
    switch (command.name) {
      case 'createStream':
        streams++;
        if (streams > MAX_STREAMS) throw new ProtocolError(`more than ${MAX_STREAMS} streams on one connection`);
        connection.send(result(command, null, streams));
        break;
      case 'releaseStream':
      case 'FCPublish':
        if (command.transaction !== 0) connection.send(result(command, null));
        break;
      case 'publish':
        return { key: keyOf(connected.app, command.args[0]), streamId: command.streamId, canReconnect: connected.canReconnect };
      case 'play':
      case 'play2':
        connection.send(onStatus(command.streamId, 'error', 'NetStream.Play.Failed', 'RTMP is only for publishing here. To watch, open the page of the stream in a browser.'));
        throw new ProtocolError('wants to play, which is not served over RTMP');
    }
  }
  return undefined;
}

function connect(connection: RtmpConnection, command: Command): Connected {
  const app = withoutQuery(amfString(command.object, 'app') ?? '');
  if (app.split('/').find((part) => part !== '') !== APP) {
    connection.send(failure(command, 'NetConnection.Connect.InvalidApp', `The application is "${APP}": publish to rtmp://HOST/${APP} with the stream key as stream name.`));
    throw new ProtocolError(`connects to an application that is not "${APP}"`);
  }
  const abilities = {
    fourCcList: [...VIDEO_FOUR_CCS, ...AUDIO_FOUR_CCS],
    videoFourCcInfoMap: amfObject(Object.fromEntries(VIDEO_FOUR_CCS.map((fourCc) => [fourCc, CAN_FORWARD]))),
    audioFourCcInfoMap: amfObject(Object.fromEntries(AUDIO_FOUR_CCS.map((fourCc) => [fourCc, CAN_FORWARD]))),
    capsEx: CAN_RECONNECT | CAN_MULTITRACK | CAN_MOD_EX | CAN_NANO_OFFSET,
  };
  connection.send(windowAcknowledgementSize(WINDOW_BYTES), setPeerBandwidth(WINDOW_BYTES));
  connection.enlargeChunks();
  // Encoders look for the abilities in either object.
  const properties = amfObject({ fmsVer: 'FMS/3,5,7,7009', capabilities: 31, mode: 1, ...abilities });
  const information = { level: 'status', code: 'NetConnection.Connect.Success', description: 'Connection succeeded.', objectEncoding: 0 };
  connection.send(result(command, properties, amfObject({ ...information, ...abilities })));
  return { app, canReconnect: ((amfNumber(command.object, 'capsEx') ?? 0) & CAN_RECONNECT) !== 0 };
}

/** The last part of application and stream name: encoders cut the address in different places. */
function keyOf(app: string, name: AmfValue): string {
  const path = `${app}/${withoutQuery(typeof name === 'string' ? name : '')}`;
  const parts = path.split('/').filter((part) => part !== '');
  return parts.length > 1 ? (parts.at(-1) ?? '') : '';
}

function withoutQuery(text: string): string {
  return text.split('?', 1)[0] ?? '';
}

/** Names come from strangers and go into logs. */
function printable(name: string): string {
  return JSON.stringify(name.slice(0, 32));
}
